//! Paths of PATCH operations (RFC 7644 §3.5.2, figure 7).

use crate::attribute_path::AttributePath;
use crate::error::{Error, ScimType};
use crate::filter::ScimFilter;

/// A PATCH path: `attribute[.sub]` or `attribute[filter][.sub]`
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute, with the sub-attribute that may follow the filter.
    pub attribute_path: AttributePath,
    /// Selects elements of the attribute; `None` selects all.
    pub filter: Option<ScimFilter>,
}

impl PatchPath {
    /// Parses the path of a PATCH operation.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let invalid = || {
            let shown: String = text.chars().take(100).collect();
            Error::bad(ScimType::InvalidPath, format!("The path \"{shown}\" is not valid."))
        };
        let text = text.trim();
        let Some(open) = text.find('[') else {
            return Ok(Self {
                attribute_path: AttributePath::parse(text).ok_or_else(invalid)?,
                filter: None,
            });
        };
        let close = text.rfind(']').filter(|close| *close > open).ok_or_else(invalid)?;
        let mut attribute = AttributePath::parse(&text[..open]).ok_or_else(invalid)?;
        let filter = ScimFilter::parse(&text[open + 1..close])?;
        match &text[close + 1..] {
            "" => {}
            rest => {
                let sub = rest
                    .strip_prefix('.')
                    .filter(|sub| AttributePath::parse(sub).is_some())
                    .ok_or_else(invalid)?;
                attribute.sub_attribute = Some(sub.to_owned());
            }
        }
        Ok(Self { attribute_path: attribute, filter: Some(filter) })
    }
}
