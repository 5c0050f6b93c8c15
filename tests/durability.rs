//! What was answered is there after `kill -9`, once, and the trail agrees.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::harness::process::{self, Process};
use crate::harness::{Backend, Client};

const CREATES: usize = 2000;
const CLIENTS: usize = 8;

/// A server process with an account, and tokens for its API and its directory.
struct Site {
    dir: tempfile::TempDir,
    database: String,
    api: String,
    scim: String,
    server: Process,
}

async fn site(backend: Backend) -> Site {
    let dir = tempfile::tempdir().expect("dir");
    let database = backend.fresh(&dir).await;
    let run = |arguments: &[&str]| process::run(dir.path(), &database, arguments);
    run(&["account", "create", "acme", "--admin-email", "ada@acme.example"]);
    let api = run(&["api-token", "create", "--account", "acme"]);
    let scim = run(&["scim-token", "create", "--account", "acme", "--connection", "Okta"]);
    let server = Process::start(dir.path(), &database, None);
    Site { dir, database, api, scim, server }
}

async fn walk(backend: Backend) {
    let Site { dir, database, api, scim, mut server } = site(backend).await;

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
        crate::harness::pause().await;
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

/// Members in each push, people in each bulk request.
const EACH: usize = 20;

/// What a client was told before the server died.
#[derive(Default)]
struct Told {
    /// Users whose creation in a bulk request was answered.
    made: Vec<String>,
    /// Groups made with all of them.
    groups: Vec<String>,
    /// Pushes into the common group, by number.
    pushes: Vec<usize>,
}

fn bulk(name: &str) -> serde_json::Value {
    let people = (0..EACH).map(|n| {
        let user = json!({"userName": format!("{name}-{n}@acme.example")});
        json!({"method": "POST", "path": "/Users", "bulkId": format!("u{n}"), "data": user})
    });
    let members: Vec<_> = (0..EACH).map(|n| json!({"value": format!("bulkId:u{n}")})).collect();
    let group = json!({"displayName": name, "members": members});
    let group = json!({"method": "POST", "path": "/Groups", "bulkId": "g", "data": group});
    json!({"Operations": people.chain([group]).collect::<Vec<_>>()})
}

/// Bulk requests that make people and a group of them, and pushes of many members into one group, until the server
/// is killed in the middle.
async fn walk_groups(backend: Backend) {
    let Site { dir, database, api, scim: token, mut server } = site(backend).await;
    let scim = Client::new(&server.url).bearer(&token);
    let group = scim.post("/scim/v2/Groups", &json!({"displayName": "Everybody"})).await.created();
    let group = group["id"].as_str().expect("id").to_owned();
    let mut people = Vec::new();
    for n in 0..50 {
        let answer = scim.post("/scim/v2/Bulk", &bulk(&format!("crowd{n}"))).await.ok();
        let made = answer["Operations"].as_array().expect("a list");
        let id = |one: &serde_json::Value| {
            one["location"].as_str().and_then(|at| at.rsplit('/').next()).map(str::to_owned)
        };
        people.extend(made[..EACH].iter().filter_map(id));
    }
    let done = Arc::new(AtomicUsize::new(0));
    let people = Arc::new(people);
    let clients: Vec<_> = (0..4)
        .map(|client| {
            tokio::spawn(work(
                client,
                (server.url.clone(), token.clone()),
                (group.clone(), people.clone()),
                done.clone(),
            ))
        })
        .collect();
    while done.load(Ordering::SeqCst) < 40 && !clients.iter().any(tokio::task::JoinHandle::is_finished) {
        crate::harness::pause().await;
    }
    server.kill();
    let mut told = Told::default();
    for client in clients {
        let one = client.await.expect("a client");
        told.made.extend(one.made);
        told.groups.extend(one.groups);
        told.pushes.extend(one.pushes);
    }

    let again = Process::start(dir.path(), &database, None);
    check_groups(
        (&Client::new(&again.url).bearer(&api), &Client::new(&again.url).bearer(&token)),
        &told,
        &people,
    )
    .await;
}

/// Looks whether all that was answered is there, and nothing in part.
async fn check_groups((api, scim): (&Client, &Client), told: &Told, people: &[String]) {
    let users =
        everything(api, "/api/v1/users?limit=200", |u| u["user_name"].as_str().map(str::to_owned)).await;
    let unique: HashSet<&String> = users.iter().collect();
    assert_eq!(unique.len(), users.len(), "none is there twice");
    assert!(told.made.iter().all(|name| unique.contains(name)), "answered and gone");
    let whole: Vec<serde_json::Value> = everything_of(scim).await;
    for name in &told.groups {
        assert!(
            whole.iter().any(|one| one["displayName"] == name.as_str()),
            "{name} was answered and is gone"
        );
    }
    let mut pushed = 0;
    for one in &whole {
        let members = one["members"].as_array().map_or(0, Vec::len);
        if one["displayName"] == "Everybody" {
            let there: HashSet<&str> =
                one["members"].as_array().into_iter().flatten().filter_map(|m| m["value"].as_str()).collect();
            for n in 0..people.len() / EACH {
                let present =
                    people[n * EACH..(n + 1) * EACH].iter().filter(|id| there.contains(id.as_str())).count();
                assert!(present == 0 || present == EACH, "push {n} is there in part: {present}");
                assert!(present == EACH || !told.pushes.contains(&n), "push {n} was answered and is gone");
                pushed += usize::from(present == EACH);
            }
        } else {
            assert_eq!(members, EACH, "{} is there in part", one["displayName"]);
        }
    }
    let events = everything(api, "/api/v1/audit-events?action=group.update&limit=200", |e| {
        e["resource"]["name"].as_str().filter(|name| *name == "Everybody").map(str::to_owned)
    })
    .await;
    assert_eq!(events.len(), pushed, "one event for each push");
    assert!(!told.pushes.is_empty() && !told.groups.is_empty(), "killed in the middle of both");
}

/// One client: two push members, two send bulk requests.
async fn work(
    client: usize,
    (url, token): (String, String),
    (group, people): (String, Arc<Vec<String>>),
    done: Arc<AtomicUsize>,
) -> Told {
    let http = reqwest::Client::builder().no_proxy().build().expect("client");
    let mut told = Told::default();
    for n in (client / 2..people.len() / EACH).step_by(2) {
        let (method, path, body) = if client.is_multiple_of(2) {
            let members: Vec<_> =
                people[n * EACH..(n + 1) * EACH].iter().map(|id| json!({"value": id})).collect();
            let operation = json!({"op": "add", "path": "members", "value": members});
            (reqwest::Method::PATCH, format!("/Groups/{group}"), json!({"Operations": [operation]}))
        } else {
            (reqwest::Method::POST, "/Bulk".to_owned(), bulk(&format!("late{n}")))
        };
        let request = http.request(method, format!("{url}/scim/v2{path}")).bearer_auth(&token).json(&body);
        let Ok(answer) = request.send().await else { return told };
        let status = answer.status();
        let Ok(said) = answer.text().await else { return told };
        assert!(status.is_success(), "{status}: {said}");
        if client.is_multiple_of(2) {
            told.pushes.push(n);
        } else {
            assert!(!said.contains("\"status\":\"4"), "{said}");
            told.made.extend((0..EACH).map(|one| format!("late{n}-{one}@acme.example")));
            told.groups.push(format!("late{n}"));
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
    told
}

/// All groups with their members.
async fn everything_of(scim: &Client) -> Vec<serde_json::Value> {
    let mut all = Vec::new();
    loop {
        let page = scim.get(&format!("/scim/v2/Groups?startIndex={}&count=50", all.len() + 1)).await.ok();
        let some = page["Resources"].as_array().expect("a list");
        if some.is_empty() {
            return all;
        }
        all.extend(some.iter().cloned());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_group_pushes_on_sqlite() {
    walk_groups(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_group_pushes_on_postgres() {
    walk_groups(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_creates_on_sqlite() {
    walk(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_in_the_middle_of_creates_on_postgres() {
    walk(Backend::Postgres).await;
}
