//! Elements of the parsed tree, each with its document.

use uppsala::dom::{Document, Element, NodeId, NodeKind};

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(super) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const ENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// An element of a parsed document.
#[derive(Clone, Copy)]
pub(super) struct Node<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) id: NodeId,
}

impl<'d> Node<'d> {
    /// The document element.
    pub(super) fn root(document: &'d Document<'d>) -> Option<Self> {
        document.document_element().map(|id| Self { document, id })
    }

    pub(super) fn element(self) -> Option<&'d Element<'d>> {
        self.document.element(self.id)
    }

    pub(super) fn is(self, namespace: &str, name: &str) -> bool {
        self.element().is_some_and(|element| element.matches_name_ns(namespace, name))
    }

    pub(super) fn name(self) -> &'d str {
        self.element().map_or("", |element| &*element.name.local_name)
    }

    pub(super) fn namespace(self) -> Option<&'d str> {
        self.element().and_then(|element| element.name.namespace_uri.as_deref())
    }

    pub(super) fn parent(self) -> Option<Self> {
        self.document.parent(self.id).map(|id| Self { id, ..self })
    }

    /// The child elements.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        self.document
            .children_iter(self.id)
            .map(move |id| Self { id, ..self })
            .filter(|child| child.element().is_some())
    }

    /// The child elements with this name.
    pub(super) fn children(self, namespace: &str, name: &str) -> impl Iterator<Item = Self> {
        self.elements().filter(move |child| child.is(namespace, name))
    }

    /// The single child with this name; `None` when there is none **or more than one**.
    pub(super) fn only_child(self, namespace: &str, name: &str) -> Option<Self> {
        let mut found = self.children(namespace, name);
        found.next().filter(|_| found.next().is_none())
    }

    /// The trimmed text of an element; `None` if it has anything but text.
    pub(super) fn text(self) -> Option<String> {
        let mut out = String::new();
        for child in self.document.children_iter(self.id) {
            match self.document.node_kind(child) {
                Some(NodeKind::Text(text) | NodeKind::CData(text)) => out.push_str(text),
                _ => return None,
            }
        }
        Some(out.trim().to_owned())
    }

    /// An attribute without a namespace.
    pub(super) fn attribute(self, name: &str) -> Option<&'d str> {
        let attributes = &self.element()?.attributes;
        let found = attributes
            .iter()
            .find(|attribute| attribute.name.namespace_uri.is_none() && &*attribute.name.local_name == name);
        found.map(|attribute| &*attribute.value)
    }

    /// The `Algorithm` attribute of the single child with this name; empty if there is none.
    pub(super) fn algorithm(self, namespace: &str, name: &str) -> &'d str {
        self.only_child(namespace, name).and_then(|method| method.attribute("Algorithm")).unwrap_or_default()
    }
}
