use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::kernel::{Timestamp, config};

async fn open(dir: &Path) -> Result<Vault, Error> {
    let clock = Clock::manual(Timestamp(1_000));
    let config =
        config::DatabaseConfig { url: format!("sqlite://{}/t.db", dir.display()), max_connections: 2 };
    let db = crate::kernel::open_database(&config, clock.clone()).await.expect("database");
    Vault::open(&dir.join("master.key"), &db, &clock).await
}

#[tokio::test]
async fn a_secret_survives_a_restart_and_opens_only_in_its_own_row() {
    let dir = tempfile::tempdir().expect("dir");
    let sealed = open(dir.path()).await.expect("vault").seal("connections/1/key", b"secret").expect("seals");
    assert!(!sealed.contains("secret"));
    let again = open(dir.path()).await.expect("vault");
    assert_eq!(again.open_sealed("connections/1/key", &sealed).await.expect("opens"), b"secret");
    assert!(matches!(again.open_sealed("connections/2/key", &sealed).await, Err(Error::Damaged)));
}

#[tokio::test]
async fn the_master_key_is_private_and_can_be_rotated() {
    let dir = tempfile::tempdir().expect("dir");
    let file = dir.path().join("master.key");
    let sealed = open(dir.path()).await.expect("vault").seal("x", b"s").expect("seals");
    let mode = std::fs::metadata(&file).expect("key file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let old = std::fs::read_to_string(&file).expect("key");
    let new = STANDARD.encode(random::bytes::<32>());
    std::fs::write(&file, format!("{new}\n{old}")).expect("write");
    open(dir.path()).await.expect("both keys");
    std::fs::write(&file, &new).expect("write");
    let vault = open(dir.path()).await.expect("the new key alone");
    assert_eq!(vault.open_sealed("x", &sealed).await.expect("opens"), b"s");

    std::fs::write(&file, &old).expect("write");
    assert!(matches!(open(dir.path()).await, Err(Error::WrongKey)));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(matches!(open(dir.path()).await, Err(Error::Exposed(_))));
}
