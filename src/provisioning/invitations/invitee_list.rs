//! Parses a pasted list of people: addresses with any separators, `Ada Lovelace <ada@acme.example>` as mail
//! programs write it, or CSV with a header line.

use super::model::Invitee;

/// All entries of `text`, in order. An entry that is not an address is kept, so that the result names it
/// when it is refused.
#[must_use]
pub fn parse_invitees(text: &str) -> Vec<Invitee> {
    parse_csv(text).unwrap_or_else(|| {
        text.split(['\n', '\r', ',', ';'])
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .flat_map(parse_entry)
            .collect()
    })
}

/// Parses CSV if the first line names a column `email`.
fn parse_csv(text: &str) -> Option<Vec<Invitee>> {
    let header = text.trim_start_matches('\u{feff}').lines().next()?;
    let column = |names: &[&str]| {
        let folded = |h: &str| h.trim().trim_matches('"').to_lowercase().replace([' ', '-'], "_");
        header.split(',').position(|h| names.contains(&folded(h).as_str()))
    };
    let email = column(&["email", "email_address", "mail"])?;
    let given = column(&["given_name", "first_name", "givenname", "firstname"]);
    let family = column(&["family_name", "last_name", "surname", "lastname"]);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let field = |record: &csv::StringRecord, at: Option<usize>| {
        at.and_then(|at| record.get(at)).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let rows = reader.records().map_while(Result::ok);
    let rows = rows.filter_map(|record| {
        Some(Invitee {
            email: field(&record, Some(email))?,
            given_name: field(&record, given),
            family_name: field(&record, family),
        })
    });
    Some(rows.collect())
}

fn parse_entry(part: &str) -> Vec<Invitee> {
    if let Some((name, address)) = part.split_once('<') {
        let name = name.trim().trim_matches('"');
        let (given, family) = name.split_once(' ').unwrap_or((name, ""));
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let email = address.trim_end_matches('>').trim().to_owned();
        return vec![Invitee { email, given_name: filled(given), family_name: filled(family) }];
    }
    part.split_whitespace().map(|word| Invitee { email: word.to_owned(), ..Invitee::default() }).collect()
}

#[cfg(test)]
#[path = "invitee_list_tests.rs"]
mod tests;
