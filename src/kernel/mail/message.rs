//! The content of a mail, written once and rendered twice, as HTML and as text, in the layout that all
//! mails share.

use askama::Template;

use super::RenderedEmail;

/// A mail before rendering. Every address in it must come from [`crate::kernel::urls::Urls`].
#[derive(Debug, Clone, Default)]
pub struct EmailMessage {
    /// One line; it is also the heading.
    pub subject: String,
    /// The body, one string per paragraph.
    pub paragraphs: Vec<String>,
    /// The button's label and address.
    pub action: Option<(String, String)>,
    /// Additional remarks, such as how long a link is valid and what to do if the user did not request it.
    pub notes: Vec<String>,
}

/// On whose behalf a mail is sent.
#[derive(Debug, Clone)]
pub struct EmailSender {
    /// The name that the mail comes from. Several accounts can have the same name.
    pub name: String,
    /// The short name of the account, which no other account has. A person who has users in several accounts of this
    /// server tells their mails apart by it.
    pub account: String,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a EmailMessage,
    sender: &'a EmailSender,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    letter: &'a EmailMessage,
    sender: &'a EmailSender,
}

impl EmailMessage {
    /// Renders the mail for one recipient. `sender` is what it comes from and is signed with.
    pub fn render_for(&self, recipient: &str, sender: &EmailSender) -> Result<RenderedEmail, askama::Error> {
        let text = Text { letter: self, sender }.render()?;
        Ok(RenderedEmail {
            to: recipient.to_owned(),
            from_name: Some(sender.name.clone()),
            subject: one_line(&self.subject),
            text: wrap(&text),
            html: Html { letter: self, sender }.render()?,
        })
    }
}

/// Replaces line breaks, because a name in the subject may contain them.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

/// Wraps paragraphs at 76 characters. Addresses are not broken, so that mail clients can link them.
fn wrap(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut width = 0;
        for word in line.split_whitespace() {
            let length = word.chars().count();
            if width > 0 && width + 1 + length > 76 {
                out.push('\n');
                width = 0;
            } else if width > 0 {
                out.push(' ');
                width += 1;
            }
            out.push_str(word);
            width += length;
        }
        out.push('\n');
    }
    out
}
