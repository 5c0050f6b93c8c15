//! Structured logs. Tokens are masked in every line that is written. This is the last safeguard behind the
//! rule that no code logs a secret.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

use super::config::LogFormat;

/// Starts logging to standard error. A second call has no effect: a test process runs several servers.
pub fn start(format: LogFormat, level: &str) {
    // The LDAP client warns of each connection that a server closes and of each response that arrives after
    // a search was abandoned. Both are normal.
    let quieter = format!("ldap3=error,{level}");
    let filter = EnvFilter::try_new(quieter).unwrap_or_else(|_| EnvFilter::new("info"));
    let base = fmt().with_env_filter(filter).with_writer(MaskingWriter).with_target(false);
    let installed = match format {
        LogFormat::Text => base.with_ansi(false).try_init(),
        LogFormat::Json => base.json().flatten_event(true).try_init(),
    };
    drop(installed);
}

/// A writer to standard error that masks the secret part of anything that looks like a token.
struct MaskingWriter;

impl MakeWriter<'_> for MaskingWriter {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for MaskingWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(mask(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// `vst_api_Zm9v…` → `vst_api_***`; any other bearer credential is masked whole.
#[must_use]
pub fn mask(line: &str) -> String {
    let is_secret =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '/' | '=' | '~');
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = ["vst_", "Bearer ", "bearer "].iter().filter_map(|m| rest.find(m)).min() {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let keep = match found.strip_prefix("vst_") {
            Some(token) => token.find('_').filter(|n| *n <= 12).map_or(4, |n| n + 5),
            None => 7,
        };
        out.push_str(&found[..keep]);
        let secret = found[keep..].find(|c| !is_secret(c)).unwrap_or(found.len() - keep);
        if secret > 0 {
            out.push_str("***");
        }
        rest = &found[keep + secret..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
