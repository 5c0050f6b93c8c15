//! A directory with 100,000 people in 2,000 groups: group syncs compared with ldapsearch reading the same
//! entries, and sign-ins compared with bare binds.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::directory::{BASE, PASSWORD, Slapd, group};
use super::harness::{Node, client, list, measure, median, wires};
use super::operations::cpu_each;
use super::table::{Measured, Table};
use super::wire;

const PEOPLE: u32 = 100_000;
const GROUPS: u32 = 2_000;
/// The size of the server's connection pool.
const POOL: usize = 8;

/// A password hash as Debian's `slapd` stores it with the system's crypt: SHA-512, 5,000 rounds.
fn crypt() -> String {
    let done = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().expect("openssl");
    format!("{{CRYPT}}{}", String::from_utf8(done.stdout).expect("text").trim())
}

fn directory() -> Slapd {
    let password = crypt();
    let mut ldif = String::with_capacity(40 << 20);
    for at in 0..PEOPLE {
        writeln!(
            ldif,
            "dn: uid=user{at},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: user{at}\ncn: User {at}\nsn: User\n\
             givenName: {at}\nmail: user{at}@bench.example\nuserPassword: {password}\n\
             memberOf: cn=group{},ou=groups,{BASE}\n",
            at % GROUPS
        )
        .expect("text");
    }
    for at in 0..GROUPS {
        let of = (at..PEOPLE).step_by(GROUPS as usize).map(|user| format!("uid=user{user},ou=people"));
        ldif += &group(&format!("group{at}"), &of.collect::<Vec<_>>());
    }
    Slapd::start(&ldif)
}

async fn api(node: &Node, method: reqwest::Method, path: &str, body: &Value) -> Value {
    let request = client().request(method, format!("{}{path}", node.url)).bearer_auth(&node.api);
    let answer = request.json(body).send().await.expect("answers");
    let (status, text) = (answer.status(), answer.text().await.expect("text"));
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

pub(crate) async fn all(node: &Node, table: &mut Table) {
    let slapd = directory();
    let body = json!({"kind": "ldap", "name": "Directory", "url": slapd.url(), "ca_certificate": slapd.authority.pem,
        "bind_dn": format!("cn=reader,{BASE}"), "bind_password": PASSWORD, "schedule": "0 0 0 1 1 ?",
        "email_domains": ["bench.example"],
        "user_queries": [{"base_dn": format!("ou=people,{BASE}"), "filter": "(objectClass=inetOrgPerson)"}],
        "group_queries": [{"base_dn": format!("ou=groups,{BASE}"), "filter": "(objectClass=groupOfNames)"}],
        "jit": {"enabled": true}, "group_sync": true});
    let made = api(node, reqwest::Method::POST, "/api/v1/connections", &body).await;
    let id = made["id"].as_str().expect("id").to_owned();
    let on = json!({"enabled": true, "override_untested": true});
    api(node, reqwest::Method::PATCH, &format!("/api/v1/connections/{id}"), &on).await;
    for at in 0..GROUPS {
        let made =
            api(node, reqwest::Method::POST, "/api/v1/groups", &json!({"name": format!("Group {at}")})).await;
        let path = format!("/api/v1/groups/{}/link", made["id"].as_str().expect("id"));
        let link = json!({"connection_id": id, "name": format!("group{at}")});
        api(node, reqwest::Method::POST, &path, &link).await;
    }
    sync_all(node, &id, &slapd, table).await;
    sign_ins(node, &slapd, table).await;
}

/// How many seconds ldapsearch takes to read what a sync reads.
fn bare(slapd: &Slapd) -> f64 {
    let begin = Instant::now();
    for (base, filter) in
        [("people", "(objectClass=inetOrgPerson)"), ("groups", "(objectClass=groupOfNames)")]
    {
        let status = Command::new("ldapsearch")
            .args(["-LLL", "-x", "-H", &slapd.url(), "-D", &format!("cn=reader,{BASE}"), "-w", PASSWORD])
            .args([
                "-E",
                "pr=500/noprompt",
                "-b",
                &format!("ou={base},{BASE}"),
                filter,
                "*",
                "memberOf",
                "entryUUID",
            ])
            .env("LDAPTLS_REQCERT", "never")
            .stdout(Stdio::null())
            .status()
            .expect("ldapsearch");
        assert!(status.success(), "ldapsearch: {status}");
    }
    begin.elapsed().as_secs_f64()
}

/// Runs one sync: (its report, seconds, peak memory in MiB).
async fn run(node: &Node, id: &str, before: usize) -> (Value, f64, f64) {
    let path = format!("/api/v1/connections/{id}/syncs");
    api(node, reqwest::Method::POST, &path, &json!({})).await;
    let mut most = 0.0_f64;
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(node.memory());
        let answer = client().get(format!("{}{path}", node.url)).bearer_auth(&node.api).send().await;
        let shown: Value = answer.expect("answers").json().await.expect("JSON");
        let items = shown["items"].as_array().expect("items");
        if items.len() > before && items[0]["status"] != "running" {
            assert_eq!(items[0]["status"], "done", "{}", items[0]);
            let at = |name: &str| {
                items[0][name].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok()).expect("a time")
            };
            let took = at("ended_at").duration_since(at("started_at")).as_secs_f64();
            return (items[0]["report"].clone(), took, most);
        }
    }
}

async fn sync_all(node: &Node, id: &str, slapd: &Slapd, table: &mut Table) {
    let database = node.backend.name();
    bare(slapd);
    let searched = bare(slapd);
    let people = f64::from(PEOPLE);
    let idle = node.memory();
    let (first, took, most) = run(node, id, 0).await;
    assert_eq!((&first["created"], &first["added"]), (&json!(PEOPLE), &json!(PEOPLE)), "{first}");
    let note = format!(
        "of ldapsearch of the same; everybody made and put into a group; {:.0} users/s; memory +{:.0} MiB",
        people / took,
        most - idle
    );
    let percent = Measured::more(100.0 * searched / took, "%").compared_by(people / took);
    table.row(&format!("LDAP sync, the first, {database}"), percent, &note);
    let (second, took, _) = run(node, id, 1).await;
    assert_eq!((&second["unchanged"], &second["people"]), (&json!(GROUPS), &json!(0)), "{second}");
    table.row(
        &format!("LDAP sync, nothing changed, {database}"),
        Measured::less(took, "s").decimals(1),
        "reads 2,000 stamps and writes nothing",
    );
    // After a change in one group, the sync reads all people again.
    let mut admin = slapd.admin().await;
    let gone = format!("uid=user0,ou=people,{BASE}");
    let change = vec![ldap3::Mod::Delete("member", [gone.as_str()].into())];
    admin
        .modify(&format!("cn=group0,ou=groups,{BASE}"), change)
        .await
        .expect("changed")
        .success()
        .expect("changed");
    let before = node.memory();
    let (third, took, most) = run(node, id, 2).await;
    assert_eq!((&third["removed"], &third["people"]), (&json!(1), &json!(PEOPLE)), "{third}");
    let note = format!(
        "of ldapsearch of the same (aim: 30 %); {:.0} users/s; memory +{:.0} MiB",
        people / took,
        most - before
    );
    let percent = Measured::more(100.0 * searched / took, "%").compared_by(people / took);
    table.row(&format!("LDAP sync, everybody read again, {database}"), percent, &note);
}

/// Opens as many connections as the server's pool has.
async fn links(slapd: &Slapd) -> Arc<Vec<Mutex<Ldap>>> {
    let mut links = Vec::new();
    for _ in 0..POOL {
        let settings = LdapConnSettings::new().set_no_tls_verify(true);
        let (driver, ldap) =
            LdapConnAsync::with_settings(settings, &slapd.url()).await.expect("the directory");
        ldap3::drive!(driver);
        links.push(Mutex::new(ldap));
    }
    Arc::new(links)
}

/// Bare binds per second.
async fn bare_binds(links: &Arc<Vec<Mutex<Ldap>>>) -> f64 {
    let links = links.clone();
    let rate = measure(POOL, 4, move |at, n| {
        let links = links.clone();
        async move {
            let dn = format!("uid=user{},ou=people,{BASE}", at as u64 * 1000 + n % 1000);
            let answer = links[at].lock().await.simple_bind(&dn, PASSWORD).await.expect("an answer");
            assert_eq!(answer.rc, 0);
        }
    });
    rate.await.per_second
}

/// Sign-ins in turns with bare binds, because the speed of the machine varies from minute to minute.
async fn sign_ins(node: &Node, slapd: &Slapd, table: &mut Table) {
    const ROUNDS: u64 = 5;
    let (wires, links) = (wires(&node.url, POOL * 2).await, links(slapd).await);
    let (mut ratios, mut cpu) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let binds = bare_binds(&links).await;
        let (wires, before) = (wires.clone(), node.cpu());
        let rate = measure(POOL * 2, 4, move |at, n| {
            let wires = wires.clone();
            async move {
                let n = round * 1000 + n;
                let address = format!("10.{at}.{}.{}", n / 250 % 250, n % 250);
                let name = format!("user{}", at as u64 * 1000 + n % 1000);
                let (status, _) =
                    wire::sign_in(&mut *wires[at].lock().await, &name, PASSWORD, &address).await;
                assert_eq!(status, 303);
            }
        })
        .await;
        ratios.push(100.0 * rate.per_second / binds);
        cpu.push(cpu_each(node, before, &rate));
    }
    let note = format!(
        "of bare binds over {POOL} connections, passwords as SHA-512 crypt (aim: 80 %); median of {}; {:.2} ms CPU each",
        list(&ratios),
        median(&cpu)
    );
    let percent = Measured::more(median(&ratios), "%");
    table.row(&format!("LDAP sign-ins, {}", node.backend.name()), percent, &note);
}
