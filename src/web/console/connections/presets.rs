//! How to register this application at each provider: the steps of its preset with our URLs filled in.

use crate::idp::connections::Preset;
use crate::idp::oidc::{RpEndpoints, SetupValue};

/// One step, and the value to copy for it.
#[derive(Debug, Clone)]
pub(super) struct PresetStep {
    /// The instruction.
    pub(super) text: &'static str,
    /// The name of the field in the provider's console.
    pub(super) field: &'static str,
    /// The value for that field; empty if the step has none.
    pub(super) value: String,
}

/// The steps of a preset.
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
