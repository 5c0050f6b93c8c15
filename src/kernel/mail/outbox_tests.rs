use super::*;
use crate::kernel::{Clock, Config, urls};

async fn open_kernel(dir: &tempfile::TempDir) -> Kernel {
    let mut config = Config::default();
    config.database.url = format!("sqlite://{}/t.db", dir.path().display());
    config.secrets.master_key_file = dir.path().join("master.key");
    let urls = urls::Urls::new(&"https://id.example".parse().expect("an address"));
    Kernel::open(config, Clock::manual(Timestamp(1_000)), urls).await.expect("opens")
}

/// Whether the worker has been woken.
async fn is_worker_woken(kernel: &Kernel) -> bool {
    tokio::select! {
        biased;
        () = kernel.mail_wake.notified() => true,
        () = std::future::ready(()) => false,
    }
}

#[tokio::test]
async fn the_worker_is_woken_by_a_commit_and_not_by_what_is_undone() {
    let dir = tempfile::tempdir().expect("dir");
    let kernel = open_kernel(&dir).await;
    let mail = RenderedEmail {
        to: "ada@acme.example".into(),
        from_name: None,
        subject: "Hello".into(),
        text: "Hello".into(),
        html: "<p>Hello".into(),
    };
    let mut tx = kernel.db.begin().await.expect("begins");
    queue(&mut tx, &kernel, &"acme".into(), &mail).await.expect("queued");
    drop(tx);
    assert!(!is_worker_woken(&kernel).await, "it was rolled back");

    let mut tx = kernel.db.begin().await.expect("begins");
    queue(&mut tx, &kernel, &"acme".into(), &mail).await.expect("queued");
    assert!(!is_worker_woken(&kernel).await, "it is not there yet");
    tx.commit().await.expect("commits");
    assert!(is_worker_woken(&kernel).await, "it is committed");

    let mut tx = kernel.db.begin().await.expect("begins");
    queue_bulk(&mut tx, &kernel, &"acme".into(), "mailing", &[mail]).await.expect("queued");
    tx.commit().await.expect("commits");
    assert!(is_worker_woken(&kernel).await, "those of a mailing as well");

    kernel.db.begin().await.expect("begins").commit().await.expect("commits");
    assert!(!is_worker_woken(&kernel).await, "a commit without mail wakes nothing");
}
