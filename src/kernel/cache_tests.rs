use super::*;

type LoadFuture<'a> = BoxFuture<'a, Result<Option<u32>, ()>>;

/// A loader that returns `answer` and counts its calls in `asked`.
fn answer<'a>(asked: &'a AtomicU64, answer: Option<u32>) -> impl FnOnce() -> LoadFuture<'a> {
    move || {
        asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[tokio::test]
async fn an_answer_is_asked_for_once() {
    let (moment, asked) = (ShortCache::default(), AtomicU64::new(0));
    for _ in 0..3 {
        assert_eq!(moment.get_or_load("a", answer(&asked, Some(1))).await, Ok(Some(1)));
    }
    assert_eq!(moment.get_or_load("b", answer(&asked, Some(2))).await, Ok(Some(2)), "another key");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn that_there_is_none_is_not_remembered() {
    let (moment, asked) = (ShortCache::default(), AtomicU64::new(0));
    assert_eq!(moment.get_or_load("a", answer(&asked, None)).await, Ok(None));
    assert_eq!(moment.get_or_load("a", answer(&asked, Some(1))).await, Ok(Some(1)));
    let fails = || -> LoadFuture<'static> { Box::pin(std::future::ready(Err(()))) };
    assert_eq!(moment.get_or_load("b", fails).await, Err(()));
    assert_eq!(moment.get_or_load("b", answer(&asked, Some(2))).await, Ok(Some(2)));
}

#[tokio::test]
async fn what_was_asked_before_a_change_is_not_remembered_after_it() {
    let (moment, asked) = (ShortCache::default(), AtomicU64::new(0));
    moment.get_or_load("a", answer(&asked, Some(1))).await.expect("an answer");
    moment.invalidate();
    let overtaken = || {
        moment.invalidate();
        answer(&asked, Some(2))()
    };
    assert_eq!(moment.get_or_load("a", overtaken).await, Ok(Some(2)));
    assert_eq!(moment.get_or_load("a", answer(&asked, Some(3))).await, Ok(Some(3)));
    assert_eq!(moment.get_or_load("a", answer(&asked, Some(4))).await, Ok(Some(3)));
}

#[tokio::test]
async fn the_memory_has_an_end() {
    let (moment, asked) = (ShortCache::default(), AtomicU64::new(0));
    for n in 0..2 * CAPACITY {
        moment.get_or_load(&n.to_string(), answer(&asked, Some(0))).await.expect("an answer");
    }
    moment.entries.run_pending_tasks();
    assert!(moment.entries.entry_count() <= CAPACITY, "{} are kept", moment.entries.entry_count());
}
