//! Enumerations whose values have a text, which the database, the API, the audit trail or a form uses.

/// An enumeration that [`text_enum`] declares.
pub trait TextEnum: Copy + Sized + 'static {
    /// All values, in the order of their declaration.
    const ALL: &'static [Self];

    /// The texts of [`TextEnum::ALL`], in the same order.
    const TEXTS: &'static [&'static str];

    /// The value with exactly this text. An unknown text yields `None` and never a default, because a newer
    /// version may have written it.
    fn parse(text: &str) -> Option<Self>;
}

/// A stored text that is not a value of the enumeration. The error names the enumeration and not the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this version does not recognize a stored value of the type {0}")]
pub struct UnknownText(pub &'static str);

/// Declares an enumeration with the text of each value and, optionally, a label for users.
///
/// It generates `as_str`, `label` where labels are given, [`TextEnum`] with `ALL`, `TEXTS` and `parse`, and
/// `TryFrom<String>`, which makes reading a row with an unknown text fail (`#[sqlx(try_from = "String")]`):
///
/// ```ignore
/// text_enum! {
///     /// What kind of principal.
///     #[derive(Debug, Clone, Copy, PartialEq, Eq)]
///     pub enum PrincipalKind {
///         /// A person.
///         User = "user" => "User",
///         /// A program.
///         ServiceAccount = "service_account" => "Service account",
///     }
/// }
/// ```
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$meta])*
        $vis enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// The text in the database, the API and the audit trail.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl $crate::kernel::text_enum::TextEnum for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];
            const TEXTS: &'static [&'static str] = &[$($text,)*];

            fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::kernel::text_enum::UnknownText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                let known = <Self as $crate::kernel::text_enum::TextEnum>::parse(&text);
                known.ok_or($crate::kernel::text_enum::UnknownText(stringify!($name)))
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal => $label:literal,)*
        }
    ) => {
        $crate::kernel::text_enum::text_enum! {
            $(#[$meta])*
            $vis enum $name { $($(#[$variant_meta])* $variant = $text,)* }
        }

        impl $name {
            /// The label for users.
            #[must_use]
            $vis const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

pub(crate) use text_enum;

#[cfg(test)]
#[path = "text_enum_tests.rs"]
mod tests;
