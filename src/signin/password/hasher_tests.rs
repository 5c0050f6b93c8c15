use super::*;

fn typed(text: &str) -> Password {
    Password::new(text)
}

/// Sets the pace as if hashes took this long.
fn measure(hasher: &Hasher, took: Duration) {
    let begun = Instant::now();
    for _ in 0..100 {
        hasher.shared.pace().end(begun, begun + took);
    }
}

async fn verify(hasher: &Hasher, text: &str, hash: Option<&str>) -> bool {
    let stored = hash.and_then(|hash| StoredHash::parse(hash).ok()).map(Arc::new);
    hasher.acquire().expect("room").verify(&typed(text), stored).await.expect("verify")
}

#[tokio::test]
async fn a_hash_verifies_its_own_password_only() {
    let hasher = Hasher::default();
    let hash = hasher.hash(&typed("correct horse battery")).await.expect("hash");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(verify(&hasher, "correct horse battery", Some(&hash)).await);
    assert!(!verify(&hasher, "correct horse batterz", Some(&hash)).await);
    assert!(!verify(&hasher, "correct horse battery", None).await, "nobody there");
    assert!(!verify(&hasher, "x", Some("$argon2id$nonsense")).await, "a broken row is no password");
    assert!(!verify(&hasher, &"x".repeat(10_000), Some(&hash)).await, "longer than any that could be set");
}

#[test]
fn the_hash_that_stands_for_nobody_takes_as_long_as_any() {
    assert!(Hasher::default().decoy.is_current());
}

#[tokio::test]
async fn the_same_keys_are_the_same_password_on_every_device() {
    let hasher = Hasher::default();
    let composed = hasher.hash(&typed("caf\u{e9} cr\u{e8}me")).await.expect("hash");
    assert!(verify(&hasher, "cafe\u{301} cre\u{300}me", Some(&composed)).await, "letters and accents apart");
    assert!(!verify(&hasher, "cafe creme", Some(&composed)).await);
}

#[tokio::test]
async fn a_flood_is_turned_away_and_places_are_given_back() {
    let hasher = Hasher::default();
    let places: Vec<_> = (0..hasher.capacity()).map(|_| hasher.acquire().expect("room")).collect();
    assert_eq!(hasher.acquire().err(), Some(Overloaded));
    assert_eq!(hasher.hash(&typed("x")).await, Err(Overloaded));
    drop(places);
    hasher.hash(&typed("x")).await.expect("room again");
    assert_eq!(hasher.shared.permits_taken.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_waits_long_on_a_slow_machine_either() {
    let hasher = Hasher::default();
    measure(&hasher, Duration::from_millis(25));
    let quick = hasher.capacity();
    measure(&hasher, Duration::from_secs(1));
    assert!(hasher.capacity() <= 2 * hasher.cores, "one waits where a hash takes a second");
    assert!(hasher.capacity() < quick);
}

#[tokio::test]
async fn who_comes_to_a_slow_queue_is_refused_and_not_kept_waiting() {
    let hasher = Hasher::default();
    measure(&hasher, Duration::from_secs(5));
    let permits: Vec<_> = (0..hasher.cores).map(|_| hasher.acquire().expect("a thread is free")).collect();
    assert_eq!(hasher.hash(&typed("x")).await, Err(Overloaded));
    drop(permits);
    hasher.hash(&typed("x")).await.expect("room again");
}

#[test]
fn answers_wait_for_each_other_only_while_many_wait_for_a_thread() {
    let told_by = |threads: usize| {
        let mut queue = Queue { threads, ..Queue::default() };
        move |waiting: usize| {
            queue.jobs.clear();
            queue.jobs.extend(
                std::iter::repeat_with(|| -> HashJob { Box::new(|_| Box::new(|| ())) }).take(waiting),
            );
            queue.take_due_replies(Box::new(|| ())).len()
        }
    };
    let mut told = told_by(2);
    assert_eq!([0, 7, 3].map(&mut told), [1, 1, 1], "at once");
    assert_eq!([8; 16].map(&mut told), [0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!([30, 20, 9, 7, 6].map(&mut told), [0, 0, 0, 4, 1], "the last ones wait for nobody");
    assert_eq!([9; 8].map(told_by(1)), [0, 0, 0, 4, 0, 0, 0, 4], "as many hashes as have been waited for");
}

/// There are fewer permits on a busy machine, so this retries as a client would.
async fn acquire_when_free(hasher: &Hasher) -> HashPermit<'_> {
    loop {
        if let Ok(permit) = hasher.acquire() {
            return permit;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn everybody_in_a_long_queue_gets_their_own_answer() {
    let hasher = Hasher::default();
    // This makes permits for many callers available.
    measure(&hasher, Duration::from_millis(1));
    let hash = hasher.hash(&typed("right")).await.expect("hash");
    let asked = (0..40).map(|n| {
        let (hasher, hash) = (&hasher, &hash);
        async move {
            let text = if n % 3 == 0 { "right" } else { "wrong" };
            if n % 7 == 0 {
                // This caller goes away before its turn.
                let place = acquire_when_free(hasher).await;
                let gone = typed(text);
                let _ = futures_util::poll!(Box::pin(place.verify(&gone, None)).as_mut());
            }
            let stored = StoredHash::parse(hash).ok().map(Arc::new);
            let permit = acquire_when_free(hasher).await;
            assert_eq!(permit.verify(&typed(text), stored).await.expect("verify"), n % 3 == 0, "{n}");
        }
    });
    futures_util::future::join_all(asked).await;
    assert_eq!(hasher.shared.permits_taken.load(Ordering::SeqCst), 0);
    assert!(hasher.shared.queue().replies.is_empty());
}
