use std::sync::Arc;

use super::*;

#[tokio::test]
async fn a_hash_verifies_its_own_password_only() {
    let hasher = Arc::new(Hasher::default());
    let hash = hasher.hash("correct horse battery").await.expect("hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(hasher.verify("correct horse battery", Some(&hash)).await.expect("verify"));
    assert!(!hasher.verify("correct horse batterz", Some(&hash)).await.expect("verify"));
    assert!(!hasher.verify("correct horse battery", None).await.expect("verify"), "nobody there");
    assert!(
        !hasher.verify("x", Some("$argon2id$nonsense")).await.expect("verify"),
        "a broken row is no password"
    );
}

#[tokio::test]
async fn a_flood_is_turned_away_and_the_queue_drains() {
    let hasher = Arc::new(Hasher::default());
    let most = hasher.cores * QUEUE_PER_CORE;
    hasher.waiting.store(most, Ordering::SeqCst);
    assert_eq!(hasher.hash("x").await, Err(Busy));
    hasher.waiting.store(0, Ordering::SeqCst);
    hasher.hash("x").await.expect("room again");
    assert_eq!(hasher.waiting.load(Ordering::SeqCst), 0);
    hasher.release_idle();
    assert!(hasher.arenas().is_empty());
}
