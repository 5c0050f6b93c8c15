//! Enumerations whose values have a text: in the database, the API, the audit trail or a form.

/// What every enumeration has that [`text_enum`] declares.
pub trait TextEnum: Copy + Sized + 'static {
    /// All its values, in the order of their declaration.
    const ALL: &'static [Self];

    /// The texts of [`TextEnum::ALL`], in the same order.
    const TEXTS: &'static [&'static str];

    /// The value whose text this is, to the letter. An unknown text is none of them and never becomes a default: a
    /// newer version may have written it.
    fn parse(text: &str) -> Option<Self>;
}

/// A stored text that is none of an enumeration's. The text itself is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored {0} is not one that this version knows")]
pub struct UnknownText(pub &'static str);

/// Declares an enumeration with the text of each value and, if people read it, a label.
///
/// It makes `as_str`, `label` where there are labels, [`TextEnum`] with `ALL`, `TEXTS` and `parse`, and `TryFrom<String>`,
/// with which a row that has an unknown text is not read (`#[sqlx(try_from = "String")]`):
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
            /// Its text in the database, the API and the audit trail.
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
            /// Its name for people.
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
