//! The macro that generates types and a table from the list of settings.

/// Declares the settings of an account. See `declaration.rs` for its use.
///
/// For each section it generates the settings' struct, with `serde(default)` so that members which an older
/// version did not write have their defaults, and the struct of a change, which refuses unknown members.
/// All settings are listed in the table `SETTINGS`, which the checks, the form and the tests iterate over.
/// A kind that does not fit the type of its setting does not compile.
macro_rules! declare_settings {
    (
        $(#[$top_meta:meta])*
        $top:ident,
        $(#[$top_change_meta:meta])*
        $top_change:ident {
            $(
                section
                $(#[$section_meta:meta])*
                $section:ident:
                $(#[$settings_meta:meta])*
                $settings:ident,
                $(#[$change_meta:meta])*
                $change:ident {
                    $(
                        $(#[$meta:meta])*
                        $field:ident: $type:ty = $default:expr, $kind:expr, input $input:literal;
                    )*
                    $(
                        @ set by the server:
                        $(#[$server_meta:meta])*
                        $server_field:ident: $server_type:ty = $server_default:expr;
                    )?
                }
            )*
            no section {
                $(
                    $(#[$own_meta:meta])*
                    $own_field:ident: $own_type:ty = $own_default:expr, $own_kind:expr, input $own_input:literal;
                )*
            }
        }
    ) => {
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(default)]
        $(#[$top_meta])*
        pub struct $top {
            $($(#[$section_meta])* pub $section: $settings,)*
            $($(#[$own_meta])* pub $own_field: $own_type,)*
        }

        impl Default for $top {
            fn default() -> Self {
                Self {
                    $($section: $settings::default(),)*
                    $($own_field: $own_default,)*
                }
            }
        }

        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$top_change_meta])*
        pub struct $top_change {
            $(
                $(#[$section_meta])*
                #[serde(skip_serializing_if = "Option::is_none")]
                $section: Option<$change>,
            )*
            $(
                $(#[$own_meta])*
                #[serde(default, deserialize_with = "change_of", skip_serializing_if = "Option::is_none")]
                #[schema(value_type = Option<$own_type>)]
                $own_field: Option<$own_type>,
            )*
        }

        $(
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
            #[serde(default)]
            $(#[$settings_meta])*
            pub struct $settings {
                $($(#[$meta])* pub $field: $type,)*
                $($(#[$server_meta])* pub $server_field: $server_type,)?
            }

            impl Default for $settings {
                fn default() -> Self {
                    Self {
                        $($field: $default,)*
                        $($server_field: $server_default,)?
                    }
                }
            }

            #[derive(Debug, Serialize, Deserialize, ToSchema)]
            #[serde(deny_unknown_fields)]
            $(#[$change_meta])*
            struct $change {
                $(
                    $(#[$meta])*
                    #[serde(default, deserialize_with = "change_of", skip_serializing_if = "Option::is_none")]
                    #[schema(value_type = Option<$type>)]
                    $field: Option<$type>,
                )*
            }
        )*

        /// Every setting that an administrator can change, in the order of the types.
        pub static SETTINGS: &[Setting] = &[
            $($(
                Setting {
                    section: Some(stringify!($section)),
                    member: stringify!($field),
                    name: concat!(stringify!($section), ".", stringify!($field)),
                    kind: { const KIND: KindOf<$type> = $kind; KIND.kind() },
                    input: $input,
                },
            )*)*
            $(
                Setting {
                    section: None,
                    member: stringify!($own_field),
                    name: stringify!($own_field),
                    kind: { const KIND: KindOf<$own_type> = $own_kind; KIND.kind() },
                    input: $own_input,
                },
            )*
        ];
    };
}

pub(super) use declare_settings;
