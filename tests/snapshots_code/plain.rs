//! Takes out of a text what is different in each run, and nothing else.

/// What is known of the server that a text comes from.
#[derive(Clone, Default)]
pub struct Known {
    /// Texts and what stands for them, in the order in which they are replaced.
    pub names: Vec<(String, String)>,
}

/// Openings, endings and what to put between: values whose place gives them away.
const PLACES: [(&str, &str, &str); 16] = [
    ("-----BEGIN ", "-----END ", "[pem] "),
    ("X509Certificate>", "<", "[certificate]"),
    ("/assets/", "/", "[version]"),
    ("id=\"seed\">", "<", "[seed]"),
    ("secret=", "&", "[seed]"),
    ("<li><code>", "<", "[code]"),
    ("data:text/plain,", "\"", "[codes]"),
    ("data:text/plain;charset=utf-8,", "\"", "[codes]"),
    ("<code>…", "<", "[hint]"),
    ("\"hint\": \"", "\"", "[hint]"),
    ("SAMLRequest=", "&", "[request]"),
    (" ID=\"_", "\"", "[request]"),
    ("&Signature=", "&", "[signature]"),
    ("\"certificate\": \"", "\"", "[certificate]"),
    ("\"micros\": ", ",", "[micros]"),
    ("\"etag\": \"", "\"", "[etag]"),
];

/// The text with placeholders; ids are numbered by their first appearance.
pub fn plain(text: &str, known: &Known) -> String {
    let mut text = text.replace("\r\n", "\n");
    for (from, to) in &known.names {
        text = text.replace(from, to);
    }
    for (begin, end, stands) in PLACES {
        text = between(&text, begin, end, stands);
    }
    pictures(&spans(&fingerprints(&words(&certificates(&text)))))
}

/// Puts `stands` between each `begin` and the next `end`, or the end of the line.
fn between(text: &str, begin: &str, end: &str, stands: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(begin) {
        let from = at + begin.len();
        let value = &rest[from..];
        // A PEM goes over many lines.
        let line = if begin.starts_with("-----") { None } else { value.find(['\n', '"']) };
        let until = [value.find(end), line].into_iter().flatten().min().unwrap_or(value.len());
        done.push_str(&rest[..from]);
        done.push_str(if until == 0 { "" } else { stands });
        rest = &value[until..];
    }
    done + rest
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Ids and secrets, which are words of a certain shape.
fn words(text: &str) -> String {
    let mut ids = Vec::new();
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(is_word) {
        let (before, from) = rest.split_at(at);
        let (word, after) = from.split_at(from.find(|c| !is_word(c)).unwrap_or(from.len()));
        done.push_str(before);
        done.push_str(&word_of(word, &mut ids));
        rest = after;
    }
    done + rest
}

fn word_of(word: &str, ids: &mut Vec<String>) -> String {
    if let Some(at) = (0..word.len()).find(|at| word.get(*at..at + 36).is_some_and(is_uuid)) {
        let id = &word[at..at + 36];
        let known = ids.iter().position(|one| one == id).unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        });
        return format!("{}[id-{}]{}", &word[..at], known + 1, word_of(&word[at + 36..], ids));
    }
    if let Some(rest) = word.strip_prefix("vst_")
        && let Some((kind, secret)) = rest.split_once('_')
        && secret.len() >= 30
    {
        return format!("vst_{kind}_[secret]");
    }
    if is_random(word) { "[secret]".to_owned() } else { word.to_owned() }
}

fn is_uuid(text: &str) -> bool {
    text.chars().enumerate().all(|(at, c)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
    })
}

/// Bytes in hexadecimal digits or in base64, of 128 bits or more. No word of ours looks like that.
fn is_random(word: &str) -> bool {
    let has = |wanted: fn(&char) -> bool| word.chars().any(|c| wanted(&c));
    let mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let hex = word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
    // The base64 of an id, by which a passkey knows a user. The first byte of a time in this century is 1.
    let id =
        word.len() == 22 && word.starts_with('A') && matches!(word.as_bytes()[1], b'Q'..=b'Z' | b'a'..=b'f');
    hex || mixed && (id || word.len() >= 42 || word.len() >= 22 && digits > 1)
}

/// DER in base64, wherever it stands: it begins with a long sequence.
fn certificates(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("MII") {
        let (before, from) = rest.split_at(at);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let (run, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        done.push_str(before);
        done.push_str(if run.len() >= 200 { "[certificate]" } else { run });
        rest = after;
    }
    done + rest
}

/// `AB:CD:…` of 16 bytes or more.
fn fingerprints(text: &str) -> String {
    let is_part = |part: &str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit());
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !c.is_ascii_hexdigit() && c != ':').unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        let parts: Vec<&str> = run.split(':').collect();
        let found = parts.len() >= 16 && parts.iter().all(|part| is_part(part));
        done.push_str(before);
        done.push_str(if found { "[fingerprint]" } else { run });
        rest = after;
    }
    done + rest
}

/// A drawing that is too long to have been made by hand: a QR code, whose size depends on what is in it.
fn pictures(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("<svg ") {
        let (before, from) = rest.split_at(at);
        let (drawing, after) = from.split_at(from.find("</svg>").unwrap_or(from.len()));
        done.push_str(before);
        done.push_str(if drawing.len() > 1000 { "<svg>[drawing]" } else { drawing });
        rest = after;
    }
    done + rest
}

/// How long something took, as ` · 749 µs`.
fn spans(text: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" · ") {
        let (before, from) = rest.split_at(at + " · ".len());
        let (number, after) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        let unit = [" µs", " ms", " s"].into_iter().find(|unit| after.starts_with(unit));
        done.push_str(before);
        rest = match unit.filter(|_| !number.is_empty()) {
            Some(unit) => {
                done.push_str("[span]");
                &after[unit.len()..]
            }
            None => from,
        };
    }
    done + rest
}

/// HTML without what browsers do not show: the blanks around lines.
pub fn html(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_random_gets_a_placeholder_and_what_is_said_stays() {
    let one = "0195f3c0-1111-7abc-8def-0123456789ab";
    let two = "0195f3c0-2222-7abc-8def-0123456789ab";
    let said = format!("/users/{two} _{one} {two}: vst_api_{} Ada-Lovelace", "a1B".repeat(15));
    assert_eq!(
        plain(&said, &Known::default()),
        "/users/[id-1] _[id-2] [id-1]: vst_api_[secret] Ada-Lovelace"
    );
    for id in ["Adz_jKNtfYGHmKVlCELA-g", "AbpFNBUQcTm9_joKqmABJg"] {
        assert_eq!(plain(id, &Known::default()), "[secret]");
    }
    let print = ["0F"; 32].join(":");
    assert_eq!(plain(&format!("{print} 10:20"), &Known::default()), "[fingerprint] 10:20");
    let kept = "urn:ietf:params:scim:schemas:core:2.0:User application/scim+json PasswordProtectedTransport \
                AuthenticationSettings";
    assert_eq!(plain(kept, &Known::default()), kept);
}
