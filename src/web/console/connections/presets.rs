//! How the application is registered at each provider: the steps of its preset with our addresses in them.

use crate::idp::connections::Preset;
use crate::idp::oidc::{RpEndpoints, SetupValue};

/// One step, and what to copy with it.
#[derive(Debug, Clone)]
pub(super) struct PresetStep {
    /// What to do.
    pub(super) text: &'static str,
    /// What the field is called there.
    pub(super) field: &'static str,
    /// What to put into it; empty for nothing.
    pub(super) value: String,
}

/// The steps of a provider.
pub(super) fn steps(preset: Preset, ours: &RpEndpoints) -> Vec<PresetStep> {
    let address = |value: SetupValue| match value {
        SetupValue::Callback => ours.callback.clone(),
        SetupValue::SignedOut => ours.signed_out.clone(),
        SetupValue::BackchannelLogout => ours.backchannel_logout.clone(),
        SetupValue::Jwks => ours.jwks.clone(),
    };
    let steps = preset.spec().steps.iter().map(|step| match step.field {
        Some((field, value)) => PresetStep { text: step.text, field, value: address(value) },
        None => PresetStep { text: step.text, field: "", value: String::new() },
    });
    steps.collect()
}
