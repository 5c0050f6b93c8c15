//! From bytes to one tree, and the structure that every message must have before any of its signatures is
//! verified: nothing that two readers could understand as two documents.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uppsala::dom::{Document, Element, NodeKind};
use uppsala::parser::Parser;

use super::node::{DSIG, Node};
use crate::check::{SamlCheck, SamlRejection, SamlReport, check_that};

/// The limit on the size of a decoded message in bytes. Its base64 may be longer by a third.
pub const MAX_BYTES: usize = 256 * 1024;
/// The limit on the nesting of elements; real messages have about ten levels.
const MAX_DEPTH: u32 = 40;

/// Base64 as identity providers write it: padding may be missing, and line breaks are removed beforehand.
pub(super) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes base64 with any white space in it.
pub(super) fn decode_lenient_base64(text: &[u8]) -> Result<Vec<u8>, base64::DecodeError> {
    if !text.iter().any(u8::is_ascii_whitespace) {
        return LENIENT.decode(text);
    }
    let compact: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    LENIENT.decode(compact)
}

/// Decodes the base64 of a form field or parameter.
pub(super) fn decode_base64(encoded: &[u8], report: &mut SamlReport) -> Result<Vec<u8>, SamlRejection> {
    let at_most = format!("at most {MAX_BYTES} bytes");
    report.require(SamlCheck::Size, encoded.len() <= MAX_BYTES * 4 / 3 + 4096, &at_most, encoded.len())?;
    decode_lenient_base64(encoded).map_err(|error| report.fail(SamlCheck::Encoding, "base64", error))
}

/// Decodes the text of a message.
pub(super) fn decode_utf8(bytes: Vec<u8>, report: &mut SamlReport) -> Result<String, SamlRejection> {
    let size = check_that(bytes.len() <= MAX_BYTES, format!("at most {MAX_BYTES} bytes"), bytes.len());
    report.record(SamlCheck::Size, size)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| report.fail(SamlCheck::Encoding, "UTF-8", error.utf8_error()))?;
    report.pass(SamlCheck::Encoding);
    Ok(text)
}

/// Parses a text. This is the only place where a tree is created.
pub(super) fn parse<'t>(text: &'t str, report: &mut SamlReport) -> Result<Document<'t>, SamlRejection> {
    // The parser refuses a DTD as well, but this gives it a check of its own.
    report.require(
        SamlCheck::Dtd,
        !text.contains("<!DOCTYPE"),
        "no document type declaration",
        "a document type declaration",
    )?;
    report.pass(SamlCheck::Dtd);
    let parser = Parser::new().with_forbid_dtd(true).with_max_depth(MAX_DEPTH).with_max_entity_expansion(0);
    let document = parser.parse(text).map_err(|error| {
        let reason = error.to_string();
        if reason.contains("maximum depth") {
            return report.fail(SamlCheck::Depth, format!("at most {MAX_DEPTH} levels"), reason);
        }
        report.fail(SamlCheck::Parse, "well-formed XML", reason)
    })?;
    report.pass(SamlCheck::Depth);
    report.pass(SamlCheck::Parse);
    // The text was read as UTF-8. Other readers would follow a different encoding that it declares.
    let stated = document.xml_declaration.as_ref().and_then(|declaration| declaration.encoding.as_deref());
    let honest = stated.is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf-8"));
    report.require(SamlCheck::Encoding, honest, "UTF-8", stated.unwrap_or_default())?;
    Ok(document)
}

/// A signature and its parent element.
#[derive(Clone, Copy)]
pub(super) struct SignatureRef<'d> {
    pub(super) element: Node<'d>,
    pub(super) parent: Node<'d>,
}

/// Walks the whole tree once: refuses what no legitimate message needs, passes every element to `visit`, and
/// returns the signatures. `visit` returns what it expected if it refuses an element.
pub(super) fn check_tree<'d>(
    document: &'d Document<'d>,
    report: &SamlReport,
    mut visit: impl FnMut(Node<'d>) -> Result<(), &'static str>,
) -> Result<Vec<SignatureRef<'d>>, SamlRejection> {
    let fail = |expected: &str, found: &str| report.fail(SamlCheck::Structure, expected, found);
    let mut ids = HashSet::new();
    let mut signatures = Vec::new();
    for id in document.descendants(document.root()) {
        match document.node_kind(id) {
            // Some readers split a value at a comment and others do not.
            Some(NodeKind::Comment(_)) => return Err(fail("no comments", "a comment")),
            Some(NodeKind::ProcessingInstruction(_)) => {
                return Err(fail("no processing instructions", "a processing instruction"));
            }
            Some(NodeKind::Element(element)) => {
                check_ids(element, &mut ids).map_err(|found| fail("unique IDs", &found))?;
                let node = Node { document, id };
                visit(node).map_err(|expected| fail(expected, node.name()))?;
                if let Some(parent) = node.parent().filter(|_| node.is(DSIG, "Signature")) {
                    signatures.push(SignatureRef { element: node, parent });
                }
            }
            _ => {}
        }
    }
    Ok(signatures)
}

/// The one decrypted element, without its wrapper.
pub(super) fn only_element<'d>(
    document: &'d Document<'d>,
    report: &SamlReport,
) -> Result<Node<'d>, SamlRejection> {
    let mut inside = Node::root(document).into_iter().flat_map(Node::elements);
    let only = inside.next().filter(|_| inside.next().is_none());
    only.ok_or_else(|| report.fail(SamlCheck::Decryption, "exactly one decrypted element", "none or several"))
}

/// Attributes called id, in any case and namespace, must have values that differ from each other, ignoring
/// case, and an element may have only one.
fn check_ids(element: &Element<'_>, seen: &mut HashSet<String>) -> Result<(), String> {
    let mut own = element.attributes.iter().filter(|a| a.name.local_name.eq_ignore_ascii_case("id"));
    let Some(id) = own.next() else { return Ok(()) };
    if own.next().is_some() {
        return Err("an element with two IDs".to_owned());
    }
    if id.value.is_empty() || !seen.insert(id.value.to_lowercase()) {
        return Err(format!("a duplicate or empty ID \"{}\"", id.value));
    }
    Ok(())
}
