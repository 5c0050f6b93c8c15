//! The rules about sign-in methods as text, one rule per line:
//!
//! ```text
//! everyone: password, passkey, sso
//! domain acme.example: sso
//! group Contractors: password, Partner login
//! ```
//!
//! `sso` stands for every connection, any other word for the connection of that name, and `none` for no
//! method.

use serde_json::Value;

use super::group_names::group_id_by_name;
use super::sign_in_rules::SignInRule;
use super::store::{self, ConnectionName};
use crate::directory::groups;
use crate::directory::{Error, fold_case};
use crate::kernel::AccountId;
use crate::kernel::database::DbConn;

/// The text of the rules. A rule of a group that has been deleted and a deleted connection are left out.
pub(super) async fn show(
    c: &mut DbConn,
    account_id: &AccountId,
    value: &Value,
) -> Result<String, sqlx::Error> {
    let rules: Vec<SignInRule> =
        serde_json::from_value(value.clone()).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    if rules.is_empty() {
        return Ok(String::new());
    }
    let known = store::connection_names(c, account_id).await?;
    let mut lines = Vec::new();
    for rule in &rules {
        let target = match (&rule.domain, &rule.group) {
            (Some(domain), _) => format!("domain {domain}"),
            (None, Some(id)) => match groups::by_id(c, account_id, id).await? {
                Some(group) => format!("group {}", group.name),
                None => continue,
            },
            (None, None) => "everyone".to_owned(),
        };
        lines.push(format!("{target}: {}", methods_text(rule, &known)));
    }
    Ok(lines.join("\n"))
}

fn methods_text(rule: &SignInRule, known: &[ConnectionName]) -> String {
    let mut methods = Vec::new();
    if rule.password {
        methods.push("password");
    }
    if rule.passkey {
        methods.push("passkey");
    }
    match &rule.connections {
        None => methods.push("sso"),
        Some(ids) => {
            let named = known.iter().filter(|connection| ids.contains(&connection.id));
            methods.extend(named.map(|connection| connection.name.as_str()));
        }
    }
    if methods.is_empty() { "none".to_owned() } else { methods.join(", ") }
}

/// Reads the text.
pub(super) async fn read(
    c: &mut DbConn,
    account_id: &AccountId,
    label: &'static str,
    text: &str,
) -> Result<Vec<SignInRule>, Error> {
    let mut rules = Vec::new();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Ok(rules);
    }
    let known = store::connection_names(&mut *c, account_id).await?;
    for line in lines {
        let invalid = || Error::Invalid {
            field: label,
            reason: format!(
                "“{line}” must be everyone, a domain or a group, then a colon and the methods, such as \
                 domain example.com: sso"
            ),
        };
        // Names of connections have no colon, names of groups may.
        let (target, methods) = line.rsplit_once(':').ok_or_else(invalid)?;
        let mut rule = read_methods(label, methods, &known)?;
        match target.trim().split_once(char::is_whitespace) {
            None if target.trim().eq_ignore_ascii_case("everyone") => {}
            Some((kind, domain)) if kind.eq_ignore_ascii_case("domain") => {
                rule.domain = Some(domain.trim().to_owned());
            }
            Some((kind, name)) if kind.eq_ignore_ascii_case("group") => {
                rule.group = Some(group_id_by_name(&mut *c, account_id, label, name.trim()).await?);
            }
            _ => return Err(invalid()),
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// The methods of a line, as a rule for everyone.
fn read_methods(label: &'static str, text: &str, known: &[ConnectionName]) -> Result<SignInRule, Error> {
    let (mut password, mut passkey, mut any, mut ids) = (false, false, false, Vec::new());
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match fold_case(word).as_str() {
            "password" => password = true,
            "passkey" => passkey = true,
            "sso" => any = true,
            "none" => {}
            folded => {
                let connection = known.iter().find(|connection| fold_case(&connection.name) == folded);
                let connection = connection.ok_or_else(|| Error::Invalid {
                    field: label,
                    reason: format!(
                        "there is no connection named {word}; use password, passkey, sso or a name"
                    ),
                })?;
                ids.push(connection.id.clone());
            }
        }
    }
    let connections = if any { None } else { Some(ids) };
    Ok(SignInRule { domain: None, group: None, password, passkey, connections })
}
