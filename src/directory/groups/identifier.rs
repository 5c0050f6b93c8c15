//! A group's identifier, made from its display name: the name as policies and URLs can carry it.

/// `.` and `-` become `_`; other special characters and white space go, `$` and `_` stay; leading
/// digits and `$` go.
#[must_use]
pub fn identifier_of(name: &str) -> String {
    let kept: String = name
        .chars()
        .filter_map(|c| match c {
            '.' | '-' => Some('_'),
            '$' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect();
    kept.trim_start_matches(|c: char| c.is_numeric() || c == '$').to_owned()
}

#[cfg(test)]
#[path = "identifier_tests.rs"]
mod tests;
