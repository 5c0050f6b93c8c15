use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

/// A gather for one at a time, and what was asked through it.
struct LoaderHarness {
    loader: BatchLoader<u32, String>,
    /// One permit for each question that may be answered.
    answers: Semaphore,
    questions: Mutex<Vec<Vec<u32>>>,
    fails: AtomicUsize,
}

impl LoaderHarness {
    fn new() -> Arc<Self> {
        let gather = BatchLoader::default();
        gather.state().permits = 1;
        let (answers, questions) = (Semaphore::new(0), Mutex::default());
        Arc::new(Self { loader: gather, answers, questions, fails: AtomicUsize::new(0) })
    }

    async fn load(&self, topic: &str, key: u32) -> Result<Option<String>, sqlx::Error> {
        let answer = |mut keys: Vec<u32>| async move {
            keys.sort_unstable();
            self.questions.lock().expect("lock").push(keys.clone());
            self.answers.acquire().await.expect("open").forget();
            if self.fails.load(Ordering::SeqCst) > 0 {
                return Err(sqlx::Error::PoolTimedOut);
            }
            Ok(keys.into_iter().filter(|key| *key < 100).map(|key| (key, format!("<{key}>"))).collect())
        };
        self.loader.load(topic, key, answer).await
    }

    fn begin(self: &Arc<Self>, topic: &'static str, key: u32) -> LoadTask {
        let asked = self.clone();
        tokio::spawn(async move { asked.load(topic, key).await.map_err(|error| error.to_string()) })
    }

    fn questions(&self) -> Vec<Vec<u32>> {
        self.questions.lock().expect("lock").clone()
    }
}

type LoadTask = tokio::task::JoinHandle<Result<Option<String>, String>>;

/// The first of three questions is under way, the others wait for it.
async fn one_asks_and_two_wait() -> (Arc<LoaderHarness>, [LoadTask; 3]) {
    let asked = LoaderHarness::new();
    let first = asked.begin("a", 1);
    run_until_idle().await;
    let tasks = [first, asked.begin("a", 2), asked.begin("a", 3)];
    run_until_idle().await;
    (asked, tasks)
}

/// Until all tasks have come as far as they can.
async fn run_until_idle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_comes_while_somebody_asks_is_asked_for_together() {
    let asked = LoaderHarness::new();
    let mut tasks = Vec::new();
    for key in [1, 2, 3, 200] {
        tasks.push(asked.begin("a", key));
        run_until_idle().await;
    }
    assert_eq!(asked.questions(), [vec![1]]);
    asked.answers.add_permits(2);
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("task").expect("answer"));
    }
    assert_eq!(answers, [Some("<1>".to_owned()), Some("<2>".to_owned()), Some("<3>".to_owned()), None]);
    assert_eq!(asked.questions(), [vec![1], vec![2, 3, 200]]);
    assert_eq!(asked.loader.state().permits, 1);
}

#[tokio::test]
async fn topics_are_asked_for_apart() {
    let asked = LoaderHarness::new();
    let mut tasks = Vec::new();
    for (topic, key) in [("a", 1), ("b", 2), ("a", 3), ("b", 4)] {
        tasks.push(asked.begin(topic, key));
        run_until_idle().await;
    }
    asked.answers.add_permits(3);
    for task in tasks {
        assert!(task.await.expect("task").expect("answer").is_some());
    }
    assert_eq!(asked.questions(), [vec![1], vec![2, 4], vec![3]]);
}

#[tokio::test]
async fn who_gives_up_takes_nobody_along() {
    let (asked, [first, second, third]) = one_asks_and_two_wait().await;
    // The one that asks is gone, and so is the one whose turn it would be.
    first.abort();
    second.abort();
    run_until_idle().await;
    assert_eq!(asked.questions(), [vec![1], vec![3]]);
    // Somebody who was asked for asks again when who asked is gone.
    let fourth = asked.begin("a", 4);
    run_until_idle().await;
    third.abort();
    asked.answers.add_permits(1);
    assert_eq!(fourth.await.expect("task").expect("answer"), Some("<4>".to_owned()));
    assert_eq!(asked.loader.state().permits, 1);
}

#[tokio::test]
async fn an_error_is_everybodys_who_was_asked_for() {
    let (asked, [first, second, third]) = one_asks_and_two_wait().await;
    asked.fails.store(1, Ordering::SeqCst);
    asked.answers.add_permits(2);
    for task in [first, second, third] {
        assert!(task.await.expect("task").expect_err("an error").contains("timed out"));
    }
    assert_eq!(asked.loader.state().permits, 1);
    asked.fails.store(0, Ordering::SeqCst);
    asked.answers.add_permits(1);
    assert_eq!(asked.load("a", 5).await.expect("works again"), Some("<5>".to_owned()));
}
