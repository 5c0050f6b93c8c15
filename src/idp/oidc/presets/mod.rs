//! Presets: providers whose endpoints and deviations are known. Each is a file with one [`PresetSpec`] and
//! one line in the registry below; `docs/how-to/add-a-preset.md` describes how to add one.

mod api;
mod bitbucket;
mod entra;
mod github;
mod gitlab;
mod google;
mod linkedin;
mod other;
mod spec;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use api::{ProviderApi, ProviderApiError};
pub(crate) use spec::{OAuth2Api, PeopleScope, PresetSpec, SetupValue};

/// Declares the presets: the variant, and the module with its specification. The name in the API is the
/// variant in lower case, which is also the name of the module.
macro_rules! registry {
    ($($variant:ident in $module:ident,)*) => {
        /// Providers with known URLs and deviations; `other` is any other OpenID Connect provider.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "lowercase")]
        #[expect(missing_docs, reason = "the file of each says what it is")]
        pub enum Preset {
            $($variant,)*
            /// Another provider that supports OpenID Connect.
            #[default]
            Other,
        }

        impl Preset {
            /// All presets, in the order in which they are offered.
            pub const ALL: &[Self] = &[$(Self::$variant,)* Self::Other];

            /// The specification of the preset.
            #[must_use]
            pub(crate) const fn spec(self) -> &'static PresetSpec {
                match self {
                    $(Self::$variant => &$module::SPEC,)*
                    Self::Other => &other::SPEC,
                }
            }
        }
    };
}

// In the order in which they are offered.
registry! {
    Google in google,
    Entra in entra,
    GitHub in github,
    GitLab in gitlab,
    Bitbucket in bitbucket,
    LinkedIn in linkedin,
}

impl Preset {
    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }

    /// The display name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.spec().label
    }

    /// Reads [`Preset::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|preset| preset.as_str() == text)
    }

    /// The issuer, or the address of the site; `None` if every installation has its own.
    #[must_use]
    pub const fn issuer(self) -> Option<&'static str> {
        self.spec().issuer
    }

    /// Whether it is plain OAuth 2.0: no discovery and no ID token; the user's claims come from its own
    /// API.
    #[must_use]
    pub const fn is_oauth2_only(self) -> bool {
        self.spec().oauth2.is_some()
    }

    /// The claim with the user's groups, if it is known to send one.
    #[must_use]
    pub const fn group_attribute(self) -> Option<&'static str> {
        self.spec().group_attribute
    }
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
