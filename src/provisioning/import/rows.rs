//! Parses the rows of an import file: CSV with a header line, or one JSON object per line. A row that
//! cannot be parsed is reported and does not stop the import.

use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::directory::users::Profile;
use crate::signin::password::StoredHash;

/// The format of an import file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// Comma-separated, with a header line.
    Csv,
    /// One JSON object per line.
    JsonLines,
}

/// The columns of the CSV format, which are also the members of the JSON objects.
const COLUMNS: [&str; 9] = [
    "user_name",
    "email",
    "given_name",
    "family_name",
    "display_name",
    "external_id",
    "active",
    "password_hash",
    "groups",
];

/// The limit on a line, in bytes. It bounds memory when the file has another format. A longer line cannot
/// be a valid row; it is read in parts, each of which is refused.
const MAX_LINE_BYTES: u64 = 256 * 1024;

/// A user to be created.
#[derive(Debug)]
pub(super) struct ImportedUser {
    pub(super) profile: Profile,
    pub(super) password_hash: Option<String>,
    pub(super) groups: Vec<String>,
}

/// A parsed row: the user, or why the row was refused. `name` identifies the row in the report, as far as
/// it has a name.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) user: Result<ImportedUser, String>,
    /// The offset in bytes of the row's end.
    pub(super) position: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ImportRowFields {
    user_name: Option<String>,
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    display_name: Option<String>,
    external_id: Option<String>,
    active: Option<BoolOrText>,
    password_hash: Option<String>,
    groups: Option<GroupNames>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum BoolOrText {
    Bool(bool),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum GroupNames {
    List(Vec<String>),
    /// In CSV, separated by semicolons.
    Text(String),
}

impl ImportRowFields {
    fn into_user(self) -> Result<ImportedUser, String> {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let (user_name, email) = (filled(self.user_name), filled(self.email));
        let user_name = user_name.or_else(|| email.clone()).ok_or("user_name or email is required")?;
        let email = email.or_else(|| user_name.contains('@').then(|| user_name.clone()));
        let active = match self.active {
            None => true,
            Some(BoolOrText::Bool(active)) => active,
            Some(BoolOrText::Text(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "" | "true" | "1" | "yes" => true,
                "false" | "0" | "no" => false,
                _ => return Err("active: must be true or false".into()),
            },
        };
        let hash = filled(self.password_hash);
        if let Some(hash) = &hash {
            StoredHash::parse(hash).map_err(|reason| format!("password_hash: {reason}"))?;
        }
        let groups = match self.groups {
            None => Vec::new(),
            Some(GroupNames::List(names)) => names,
            Some(GroupNames::Text(text)) => text.split(';').map(str::to_owned).collect(),
        };
        let groups = groups.into_iter().filter(|name| !name.trim().is_empty()).collect();
        let profile = Profile {
            user_name,
            email,
            given_name: self.given_name,
            family_name: self.family_name,
            display_name: self.display_name,
            external_id: filled(self.external_id),
            active,
            ..Profile::default()
        };
        Ok(ImportedUser { profile, password_hash: hash, groups })
    }

    fn name(&self) -> String {
        self.user_name.clone().or_else(|| self.email.clone()).unwrap_or_default()
    }
}

/// An iterator over the rows of a file.
pub(super) enum ImportRows<R: Read> {
    Csv { reader: csv::Reader<R>, headers: csv::StringRecord, number: u64 },
    JsonLines { reader: BufReader<R>, position: u64, number: u64 },
}

impl<R: Read> ImportRows<R> {
    /// Starts reading the file. For CSV this reads the header line.
    pub(super) fn open(format: ImportFormat, file: R) -> Result<Self, String> {
        match format {
            ImportFormat::JsonLines => {
                let reader = BufReader::with_capacity(64 * 1024, file);
                Ok(Self::JsonLines { reader, position: 0, number: 0 })
            }
            ImportFormat::Csv => {
                let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
                let headers = reader.headers().map_err(|e| format!("invalid header line: {e}"))?.clone();
                let strange: Vec<&str> = headers.iter().filter(|h| !COLUMNS.contains(h)).collect();
                if !strange.is_empty() || headers.is_empty() {
                    return Err(format!(
                        "the first line must contain supported column names; found: {}; supported: {}",
                        if strange.is_empty() { "none".to_owned() } else { strange.join(", ") },
                        COLUMNS.join(", ")
                    ));
                }
                Ok(Self::Csv { reader, headers, number: 0 })
            }
        }
    }

    /// The next row; `None` at the end of the file.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Row>> {
        match self {
            Self::Csv { reader, headers, number } => {
                let mut record = csv::StringRecord::new();
                *number += 1;
                let read = match reader.read_record(&mut record) {
                    Ok(false) => return Ok(None),
                    Ok(true) => {
                        record.deserialize::<ImportRowFields>(Some(headers)).map_err(|e| e.to_string())
                    }
                    Err(error) if error.is_io_error() => return Err(std::io::Error::other(error)),
                    Err(error) => Err(error.to_string()),
                };
                Ok(Some(row_from_fields(*number, read, reader.position().byte())))
            }
            Self::JsonLines { reader, position, number } => loop {
                let mut line = Vec::new();
                let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
                if read == 0 {
                    return Ok(None);
                }
                *position += read as u64;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                *number += 1;
                let read = serde_json::from_slice::<ImportRowFields>(&line).map_err(|e| e.to_string());
                return Ok(Some(row_from_fields(*number, read, *position)));
            },
        }
    }
}

fn row_from_fields(number: u64, read: Result<ImportRowFields, String>, position: u64) -> Row {
    match read {
        Ok(fields) => Row { number, name: fields.name(), user: fields.into_user(), position },
        Err(reason) => Row { number, name: String::new(), user: Err(reason), position },
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
