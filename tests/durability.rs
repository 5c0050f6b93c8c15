//! What was answered is there after `kill -9`, once, and the trail agrees.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::process::{self, Process};
use crate::harness::{Backend, Client};

const CREATES: usize = 2000;
const CLIENTS: usize = 8;

async fn walk(backend: Backend) {
    let dir = tempfile::tempdir().expect("dir");
    let database = backend.fresh(&dir).await;
    let arguments = ["account", "create", "acme", "--admin-email", "ada@acme.example"];
    process::run(dir.path(), &database, &arguments);
    let api = process::run(dir.path(), &database, &["api-token", "create", "--account", "acme"]);
    let arguments = ["scim-token", "create", "--account", "acme", "--connection", "Okta"];
    let scim = process::run(dir.path(), &database, &arguments);
    let mut server = Process::start(dir.path(), &database, None);

    let next = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (next, done, stop) = (next.clone(), done.clone(), stop.clone());
            let http = reqwest::Client::builder().no_proxy().build().expect("client");
            let (url, scim) = (format!("{}/scim/v2/Users", server.url), scim.clone());
            tokio::spawn(async move {
                let mut answered = Vec::new();
                while !stop.load(Ordering::SeqCst) {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= CREATES {
                        break;
                    }
                    let name = format!("user{n}@acme.example");
                    let request = http.post(&url).bearer_auth(&scim).json(&json!({"userName": name}));
                    match request.send().await {
                        Ok(answer) if answer.status() == 201 => {
                            answered.push(name);
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(answer) => panic!("{}", answer.status()),
                        Err(_) => break,
                    }
                }
                answered
            })
        })
        .collect();
    while done.load(Ordering::SeqCst) < CREATES / 2
        && !clients.iter().any(tokio::task::JoinHandle::is_finished)
    {
        tokio::task::yield_now().await;
    }
    server.kill();
    stop.store(true, Ordering::SeqCst);
    let mut answered = HashSet::new();
    for client in clients {
        answered.extend(client.await.expect("client"));
    }
    assert!(
        answered.len() >= CREATES / 2 && answered.len() < CREATES,
        "killed in the middle: {}",
        answered.len()
    );

    let again = Process::start(dir.path(), &database, None);
    let api = Client::new(&again.url).bearer(&api);
    let users =
        everything(&api, "/api/v1/users?limit=200", |u| u["user_name"].as_str().map(str::to_owned)).await;
    let unique: HashSet<&String> = users.iter().collect();
    assert_eq!(unique.len(), users.len(), "none is there twice");
    for name in &answered {
        assert!(unique.contains(name), "{name} was answered 201 and is gone");
    }
    let told = everything(&api, "/api/v1/audit-events?action=user.create&limit=200", |e| {
        e["resource"]["name"].as_str().map(str::to_owned)
    })
    .await;
    let (mut users, mut told) = (users, told);
    users.sort();
    told.sort();
    assert_eq!(users, told, "one event for each user, and none for anybody else");
}

async fn everything(
    api: &Client,
    path: &str,
    name: impl Fn(&serde_json::Value) -> Option<String>,
) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = api.get(&format!("{path}&after={after}")).await.ok();
        all.extend(page["items"].as_array().expect("items").iter().filter_map(&name));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return all,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_creates_on_sqlite() {
    walk(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_creates_on_postgres() {
    walk(Backend::Postgres).await;
}
