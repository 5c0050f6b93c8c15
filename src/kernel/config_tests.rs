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
         [secrets]\nmaster_key_file='k'\n[log]\nformat='json'\nlevel='debug'\n[outgoing]\nallowed_networks=['127.0.0.0/8']",
    )
    .expect("all keys");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.outgoing.allowed_networks.len(), 1);
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
