//! Structure, before any signature is believed: what stands where, and nothing that could make two
//! readers see two documents.

use std::collections::HashSet;

use uppsala::dom::{Document, Element, NodeId, NodeKind};

use super::report::{Check, Failed, Report};

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The nodes everything later is about.
pub(super) struct Parts {
    pub(super) response: NodeId,
    pub(super) assertion: NodeId,
    /// The signatures and the node each is a child of.
    pub(super) signatures: Vec<(NodeId, NodeId)>,
}

/// Finds the one Response and the one Assertion in it, and refuses whatever does not belong.
pub(super) fn examine(document: &Document<'_>, report: &mut Report) -> Result<Parts, Failed> {
    let fail = |expected: &str, found: &str| report.fail(Check::Structure, expected, found);
    let root = document.document_element().ok_or_else(|| fail("a Response", "an empty document"))?;
    if !is(document, root, PROTOCOL, "Response") {
        return Err(fail("a samlp:Response", &name_of(document, root)));
    }
    let mut ids = HashSet::new();
    let mut assertions = Vec::new();
    let mut signatures = Vec::new();
    for node in document.descendants(document.root()) {
        match document.node_kind(node) {
            // A comment splits a value in two for some readers and not for others.
            Some(NodeKind::Comment(_)) => return Err(fail("no comments", "a comment")),
            Some(NodeKind::ProcessingInstruction(_)) => {
                return Err(fail("no processing instructions", "a processing instruction"));
            }
            Some(NodeKind::Element(element)) => {
                check_ids(element, &mut ids).map_err(|found| fail("ids that are unique", &found))?;
                let name = &*element.name.local_name;
                match element.name.namespace_uri.as_deref() {
                    Some(ASSERTION) if name == "Assertion" => assertions.push(node),
                    Some(ASSERTION) if name.starts_with("Encrypted") => {
                        return Err(fail("nothing encrypted (not supported yet)", name));
                    }
                    Some(DSIG) if name == "Signature" => signatures.push(node),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let [assertion] = assertions[..] else {
        return Err(fail("exactly one Assertion", &assertions.len().to_string()));
    };
    if document.parent(assertion) != Some(root) {
        return Err(fail("the Assertion as a child of the Response", "it is elsewhere"));
    }
    let signatures = signatures
        .into_iter()
        .filter_map(|signature| document.parent(signature).map(|parent| (signature, parent)))
        .collect();
    report.pass(Check::Structure);
    Ok(Parts { response: root, assertion, signatures })
}

/// Every attribute called id, in whatever case and namespace, must differ from every other without
/// regard to case, and no element may have two.
fn check_ids(element: &Element<'_>, seen: &mut HashSet<String>) -> Result<(), String> {
    let mut own = element.attributes.iter().filter(|a| a.name.local_name.eq_ignore_ascii_case("id"));
    let Some(id) = own.next() else { return Ok(()) };
    if own.next().is_some() {
        return Err("an element with two ids".to_owned());
    }
    if id.value.is_empty() || !seen.insert(id.value.to_lowercase()) {
        return Err(format!("the id \"{}\" twice, or empty", id.value));
    }
    Ok(())
}

pub(super) fn is(document: &Document<'_>, node: NodeId, namespace: &str, name: &str) -> bool {
    document.element(node).is_some_and(|element| element.matches_name_ns(namespace, name))
}

fn name_of(document: &Document<'_>, node: NodeId) -> String {
    document.element(node).map(|e| e.name.local_name.to_string()).unwrap_or_default()
}

/// The children of `node` with this name.
pub(super) fn children(document: &Document<'_>, node: NodeId, namespace: &str, name: &str) -> Vec<NodeId> {
    document.children_iter(node).filter(|child| is(document, *child, namespace, name)).collect()
}

/// The single child with this name; `None` when there is none **or more than one**.
pub(super) fn only_child(
    document: &Document<'_>,
    node: NodeId,
    namespace: &str,
    name: &str,
) -> Option<NodeId> {
    match children(document, node, namespace, name)[..] {
        [only] => Some(only),
        _ => None,
    }
}

/// The text of an element that has nothing but text, trimmed.
pub(super) fn text(document: &Document<'_>, node: NodeId) -> Option<String> {
    let mut out = String::new();
    for child in document.children_iter(node) {
        match document.node_kind(child) {
            Some(NodeKind::Text(text) | NodeKind::CData(text)) => out.push_str(text),
            _ => return None,
        }
    }
    Some(out.trim().to_owned())
}

/// An attribute without a namespace.
pub(super) fn attribute<'d>(document: &'d Document<'_>, node: NodeId, name: &str) -> Option<&'d str> {
    document
        .element(node)?
        .attributes
        .iter()
        .find(|a| a.name.namespace_uri.is_none() && &*a.name.local_name == name)
        .map(|a| &*a.value)
}
