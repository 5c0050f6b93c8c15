use super::*;

fn load(toml: &str) -> Result<Config, ConfigErrors> {
    Config::from_figment(&Figment::new().merge(Toml::string(toml)))
}

#[test]
fn nothing_configured_is_a_working_configuration() {
    let config = load("").expect("defaults");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database.url, "sqlite://data/vestibule.db");
}

#[test]
fn every_key_is_understood() {
    let config = load(
        "[server]\nlisten='0.0.0.0:80'\npublic_url='https://id.example.com'\ntrusted_proxies=['10.0.0.0/8']\n\
         [database]\nurl='postgres://u@h/d'\nmax_connections=3\n\
         [mail]\nurl='smtp://h'\nfrom='a@b.example'\ndirectory='x'\n\
         [secrets]\nmaster_key_file='k'\n[log]\nformat='json'\nlevel='debug'\n[outgoing]\nallowed_networks=['127.0.0.0/8']\n\
         [outgoing.account_networks]\nacme=['10.1.0.0/16', '10.2.0.1/32']\n\
         [dns]\nservers=['192.0.2.53', '[2001:db8::53]:5353']\n\
         [metrics]\nlisten='127.0.0.1:9464'",
    )
    .expect("all keys");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.outgoing.allowed_networks.len(), 1);
    assert_eq!(config.outgoing.account_networks["acme"].len(), 2);
    let servers: Vec<String> = config.dns.servers.iter().map(|one| one.address().to_string()).collect();
    assert_eq!(servers, ["192.0.2.53:53", "[2001:db8::53]:5353"]);
    assert_eq!(config.metrics.listen.expect("an address").to_string(), "127.0.0.1:9464");
}

#[test]
fn metrics_have_a_listener_of_their_own_or_none() {
    assert!(load("").expect("defaults").metrics.listen.is_none());
    let text = load("[metrics]\nlisten='127.0.0.1:8080'").expect_err("the public one").to_string();
    assert!(text.contains("metrics.listen: 127.0.0.1:8080 is also server.listen"), "{text}");
    load("[server]\nlisten='127.0.0.1:0'\n[metrics]\nlisten='127.0.0.1:0'").expect("two free ports");
    load("[metrics]\nlisten='yes'").expect_err("not an address");
}

#[test]
fn a_dns_server_is_an_address() {
    let text = load("[dns]\nservers=['ns.example.com']").expect_err("a name").to_string();
    assert!(text.contains("dns.servers"), "{text}");
    assert!(text.contains("192.0.2.53:5353"), "{text}");
}

#[test]
fn every_mistake_is_named_at_once_with_a_proposal() {
    let mistakes = load("[server]\nlisten='nonsense'\npublik_url='x'\n[database]\nurl='mysql://x'")
        .expect_err("three mistakes");
    let text = mistakes.to_string();
    assert!(text.contains("server.listen:"), "{text}");
    assert!(text.contains("server.publik_url: unknown key; did you mean server.public_url?"), "{text}");
    assert!(text.contains("database.url: use sqlite://"), "{text}");
    assert_eq!(mistakes.0.len(), 3, "{text}");
}

#[test]
fn a_public_address_has_no_path() {
    let text = load("[server]\npublic_url='https://id.example.com/auth'").expect_err("path").to_string();
    assert!(text.contains("without a path"), "{text}");
}
