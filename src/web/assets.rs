//! The stylesheet, the script and the icon, compiled into the binary so that no file can be missing.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use crate::access::{Guard, Routes};

const FILES: [(&str, &str, &str); 3] = [
    ("vestibule.css", "text/css; charset=utf-8", include_str!("../../templates/assets/vestibule.css")),
    ("vestibule.js", "text/javascript; charset=utf-8", include_str!("../../templates/assets/vestibule.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../templates/assets/icon.svg")),
];

/// An FNV-1a hash over all assets, computed at compile time, so that it changes when a file changes.
pub(super) const VERSION: &str = {
    const DIGITS: [u8; 16] = {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut file = 0;
        while file < FILES.len() {
            let bytes = FILES[file].2.as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
                at += 1;
            }
            file += 1;
        }
        let mut digits = [0; 16];
        let mut at = 0;
        while at < 16 {
            digits[at] = b"0123456789abcdef"[((hash >> (60 - 4 * at)) & 15) as usize];
            at += 1;
        }
        digits
    };
    match std::str::from_utf8(&DIGITS) {
        Ok(text) => text,
        Err(_) => "0",
    }
};

pub(super) fn routes() -> Routes<AppState> {
    Routes::default().get("/assets/{version}/{name}", Guard::Public, asset)
}

/// The path contains the version, so browsers may cache the response for as long as they like.
async fn asset(Path((_, name)): Path<(String, String)>) -> Response {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, text)) => {
            let headers = [
                (header::CONTENT_TYPE, *kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, *text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
