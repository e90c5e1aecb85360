//! A network as a person writes it.

use std::ffi::OsString;

use revacnn_recorder::DEFAULT_NETWORK;
use revacnn_schemas::{NetworkSpec, RunDefinition};
use revacnn_trainer::{named_network, presets, resolve};

use super::{Told, Writer};
use crate::program::is_word;

impl Writer<'_> {
    /// The word that names a network: nothing for the usual one, a preset, or a fence of
    /// the notebook.
    pub(super) fn network(&mut self, definition: &RunDefinition, told: &[Told]) -> Result<Option<OsString>, String> {
        let is_it = |spec: &NetworkSpec| resolves_to(spec, definition);
        let preset = presets().find(|(name, _)| named_preset(name).is_some_and(|spec| is_it(&spec)));
        if let Some((name, _)) = preset {
            return Ok((name != DEFAULT_NETWORK).then(|| name.into()));
        }
        let spec = plain(definition);
        if !resolves_to(&spec, definition) {
            return Err("its network cannot be built".to_owned());
        }
        let toml = spec.to_toml().map_err(|error| error.to_string())?;
        if let Some((name, _)) = self.networks.iter().find(|(_, known)| **known == toml) {
            return Ok(Some(name.into()));
        }
        let is_preset = |name: &str| presets().any(|(preset, _)| preset == name);
        let is_taken = |name: &str| {
            is_preset(name) || self.networks.contains_key(name) || told.iter().any(|told| told.name.as_str() == name)
        };
        let own = definition.network.name.as_str();
        let stem = if is_word(own) && !is_preset(own) { own } else { "network" };
        let numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
        let name = std::iter::once(stem.to_owned()).chain(numbered).find(|name| !is_taken(name));
        let name = name.expect("invariant: there is always a free number");
        self.networks.insert(name.clone(), toml);
        Ok(Some(name.into()))
    }
}

fn named_preset(name: &str) -> Option<NetworkSpec> {
    named_network(name).ok()
}

fn resolves_to(spec: &NetworkSpec, definition: &RunDefinition) -> bool {
    resolve(spec, definition.input, definition.classes)
        .is_ok_and(|(resolved, _)| resolved.layers == definition.network.layers)
}

/// A run's network without what follows from the rest of it.
fn plain(definition: &RunDefinition) -> NetworkSpec {
    let mut spec = NetworkSpec { layers: definition.network.layers.clone(), ..NetworkSpec::default() };
    let mut attempt = |change: &dyn Fn(&mut NetworkSpec)| {
        let mut shorter = spec.clone();
        change(&mut shorter);
        if resolves_to(&shorter, definition) {
            spec = shorter;
        }
    };
    for (place, layer) in definition.network.layers.iter().enumerate() {
        attempt(&|spec| spec.layers[place].reads.clear());
        attempt(&|spec| spec.layers[place].name = None);
        for name in layer.parameters.keys() {
            attempt(&|spec| drop(spec.layers[place].parameters.remove(name)));
        }
    }
    spec
}
