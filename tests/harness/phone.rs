//! An authenticator app. Its codes come from oathtool and not from our own code.

use std::process::Command;

use super::{Answer, Client, Server};

/// An app with one TOTP secret.
pub struct Phone {
    seed: String,
}

/// The result of setting up an app.
pub struct SetUp {
    pub phone: Phone,
    /// The recovery codes, if this was the first factor.
    pub codes: Vec<String>,
}

impl Phone {
    /// Reads the secret from the enrolment page.
    pub fn typing(page: &str) -> Self {
        let at = page.find("id=\"seed\">").unwrap_or_else(|| panic!("no seed in {page}")) + 10;
        Self { seed: page[at..].split('<').next().expect("text").replace(' ', "") }
    }

    pub fn seed(&self) -> &str {
        &self.seed
    }

    /// The code of the time step that is `steps` after the server's current one.
    pub fn code(&self, server: &Server, steps: i64) -> String {
        let at = server.clock.now().0 / 1000 + 30 * steps;
        let run = Command::new("oathtool")
            .args(["--totp", "--base32", &self.seed, "--now", &format!("@{at}")])
            .output()
            .expect("oathtool is missing: run 'make peers'");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("digits").trim().to_owned()
    }

    /// Enrols an app on the page at `path`, which `browser` may open.
    pub async fn set_up(server: &Server, browser: &Client, path: &str) -> SetUp {
        let page = browser.get(path).await.expect(200);
        let phone = Self::typing(&page.body);
        let done = confirm(browser, path, &page, &phone.code(server, 0)).await.expect(200);
        // The code of this time step is used, so the clock moves on to the next one.
        server.advance(30);
        SetUp { phone, codes: codes_of(&done) }
    }
}

/// Submits the enrolment page with a code.
pub async fn confirm(browser: &Client, path: &str, page: &Answer, code: &str) -> Answer {
    let (ticket, to) = (page.field("ticket"), path.split('?').next().expect("path"));
    let mut fields = vec![("what", "app"), ("ticket", ticket.as_str()), ("code", code)];
    let own = if page.body.contains("name=\"flow\"") { "flow" } else { "return_to" };
    let value = page.field(own);
    fields.push((own, &value));
    browser.form(to, &fields).await
}

/// The recovery codes on a page.
pub fn codes_of(page: &Answer) -> Vec<String> {
    let codes = page.body.split("<li><code>").skip(1);
    codes.map(|rest| rest.split('<').next().expect("text").to_owned()).collect()
}
