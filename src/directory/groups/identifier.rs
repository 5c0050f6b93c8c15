//! A group's identifier: its display name in a form that policies and URLs can contain.

/// Replaces `.` and `-` by `_` and keeps `$` and `_`. Other special characters, white space, and leading
/// digits and `$` are removed.
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
