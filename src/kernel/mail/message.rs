//! What a mail says, written once and rendered twice: as HTML and as text, in the one layout all mails have.

use askama::Template;

use super::RenderedEmail;

/// A mail before it is rendered. Every address in it must come from [`crate::kernel::urls::Urls`].
#[derive(Debug, Clone, Default)]
pub struct EmailMessage {
    /// One line, also the heading.
    pub subject: String,
    /// What it is about, a paragraph each.
    pub paragraphs: Vec<String>,
    /// The one thing to do: the button's words and its address.
    pub action: Option<(String, String)>,
    /// What to know besides: how long it works, what to do if it was not you.
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a EmailMessage,
    sender: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    letter: &'a EmailMessage,
    sender: &'a str,
}

impl EmailMessage {
    /// Renders it for one recipient. `sender`: the name it comes from, and who it is signed by.
    pub fn render_for(&self, recipient: &str, sender: &str) -> Result<RenderedEmail, askama::Error> {
        let text = Text { letter: self, sender }.render()?;
        Ok(RenderedEmail {
            to: recipient.to_owned(),
            from_name: Some(sender.to_owned()),
            subject: one_line(&self.subject),
            text: wrap(&text),
            html: Html { letter: self, sender }.render()?,
        })
    }
}

/// A subject is one line whatever a name in it contains.
fn one_line(text: &str) -> String {
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

/// Breaks paragraphs at 76 characters; an address stays whole, so that it can be clicked.
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
