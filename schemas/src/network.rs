//! Networks as a person writes them: a list of layers in TOML.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{LayerName, SchemaError, one_line};

/// Named parameters of a layer or optimizer. Each kind knows its own; this
/// crate only carries them, so that a new kind needs no change here.
pub type Parameters = serde_json::Map<String, serde_json::Value>;

/// A network, from the layer next to the images to the class layer; a layer reads the one
/// before it, unless it names those that it reads.
///
/// The spec as written may leave names and defaults out; the trainer resolves
/// it against a data set, after which every layer has its name and every
/// parameter its value. The resolved form is what a branch stores.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// What the network is called, such as `paper`; no part of its identity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How the coefficients of layers begin that say nothing of it themselves. A resolved
    /// network has it in its layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,
    /// What the biases of layers before the class layer begin with that say nothing of it
    /// themselves. A resolved network has it in its layers.
    #[serde(default, rename = "bias-init", alias = "bias_init", skip_serializing_if = "Option::is_none")]
    pub bias_init: Option<f64>,
    /// The layers in order.
    #[serde(rename = "layer")]
    pub layers: Vec<LayerSpec>,
}

/// One layer: its kind, its name and the parameters of that kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSpec {
    /// The kind, such as `conv`; the trainer's list of layers says which exist.
    pub kind: String,
    /// The name, unique in the network: the layer's identity in a lineage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<LayerName>,
    /// The layers before it whose outputs it reads, or `input` for the images; the layer before
    /// it, or the images for the first one, if there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<LayerName>,
    /// Everything else that was written for the layer.
    #[serde(flatten)]
    pub parameters: Parameters,
}

impl NetworkSpec {
    /// Reads a network from TOML, `[[layer]]` by `[[layer]]`.
    ///
    /// # Errors
    /// [`SchemaError::Unreadable`] with the line that is not understood.
    pub fn from_toml(text: &str) -> Result<Self, SchemaError> {
        let mut network: Self = toml::from_str(text)
            .map_err(|error| SchemaError::Unreadable { what: "network", reason: error.to_string() })?;
        // Words are joined by hyphens or underscores.
        for layer in &mut network.layers {
            for (name, value) in std::mem::take(&mut layer.parameters) {
                if layer.parameters.insert(name.replace('-', "_"), value).is_some() {
                    let subject = format!("layer of kind {}", one_line(&layer.kind));
                    let reason = format!("expected each parameter once, found `{}` twice", one_line(&name));
                    return Err(SchemaError::Parameter { subject, reason });
                }
            }
        }
        Ok(network)
    }

    /// The network in TOML, as [`from_toml`](Self::from_toml) reads it.
    ///
    /// # Errors
    /// [`SchemaError::Unreadable`] where a parameter is what TOML has no word for.
    pub fn to_toml(&self) -> Result<String, SchemaError> {
        toml::to_string(self).map_err(|error| SchemaError::Unreadable { what: "network", reason: error.to_string() })
    }
}

impl LayerSpec {
    /// The layer's parameters as the configuration type of its kind.
    ///
    /// # Errors
    /// [`SchemaError::Parameter`] naming the layer and the parameter that is
    /// missing, unknown or of the wrong type.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C, SchemaError> {
        parameters_as(&self.parameters, || match &self.name {
            Some(name) => format!("layer {name} ({})", self.kind),
            None => format!("layer of kind {}", self.kind),
        })
    }
}

/// Reads named parameters as a configuration type.
pub(crate) fn parameters_as<C: DeserializeOwned>(
    parameters: &Parameters,
    subject: impl FnOnce() -> String,
) -> Result<C, SchemaError> {
    let read = |parameters: &Parameters| {
        serde_json::from_value(serde_json::Value::Object(parameters.clone())).map_err(|error| error.to_string())
    };
    read(parameters).map_err(|error| {
        // The parser names no parameter. It is the first one that does not fit:
        // those before it alone lack some at most.
        let mut before = Parameters::new();
        let culprit = parameters.iter().find(|(name, value)| {
            before.insert((*name).clone(), (*value).clone());
            read(&before).is_err_and(|found: String| found == error)
        });
        let reason = match culprit {
            Some((name, value)) if !error.starts_with("missing field") => misfit(name, value, &error),
            _ => error,
        };
        SchemaError::Parameter { subject: subject(), reason }
    })
}

/// What a parameter takes, and what was found.
fn misfit(name: &str, value: &Value, error: &str) -> String {
    let name = name.replace('_', "-");
    let takes = match error.rsplit_once(", expected ") {
        Some((what, "f32" | "f64")) if what.starts_with("invalid") => "a finite number",
        Some((what, "a boolean")) if what.starts_with("invalid") => "true or false",
        Some((what, "a string")) if what.starts_with("invalid") => "a word",
        Some((what, kind))
            if what.starts_with("invalid") && kind.trim_start_matches(['u', 'i']).parse::<u32>().is_ok()
                || kind.contains("usize")
                || kind.contains("nonzero") =>
        {
            "a whole number"
        }
        // A type of a parameter's own says itself what it takes.
        Some(("invalid value", kind)) if kind.starts_with("a whole number") => kind,
        // An unknown name or word: the parser lists what there is.
        _ if error.contains(&format!("`{name}`")) => return error.to_owned(),
        _ => return format!("{name}: {error}"),
    };
    let found = match value {
        // Neither JSON nor this map has another word for them.
        Value::Null => "not-a-number or an infinity".to_owned(),
        Value::String(word) => format!("`{word}`"),
        other => other.to_string(),
    };
    format!("{name} takes {takes}, found {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Config {
        filters: u32,
        #[serde(default)]
        rate: f64,
    }

    #[test]
    fn a_layer_keeps_what_was_written_and_hands_it_to_its_kind() {
        let network = NetworkSpec::from_toml("[[layer]]\nkind = \"conv\"\nfilters = 16\nrate = 0.5\n").unwrap();
        let config: Config = network.layers[0].config().unwrap();
        assert_eq!(config, Config { filters: 16, rate: 0.5 });
    }

    #[test]
    fn words_of_a_parameter_are_joined_by_hyphens_or_underscores() {
        let network = |lines: &str| NetworkSpec::from_toml(&format!("[[layer]]\nkind = \"conv\"\n{lines}"));
        assert_eq!(network("weight-decay-factor = 2\n"), network("weight_decay_factor = 2\n"));
        let twice = network("a-b = 2\na_b = 2\n").unwrap_err().to_string();
        assert!(twice.contains("expected each parameter once"), "{twice}");
    }

    #[test]
    fn a_misspelt_parameter_is_named_with_its_layer() {
        let network =
            NetworkSpec::from_toml("[[layer]]\nkind = \"conv\"\nname = \"conv1\"\nfilters = 16\nkernal = 5\n").unwrap();
        let error = network.layers[0].config::<Config>().unwrap_err().to_string();
        assert!(error.contains("conv1") && error.contains("kernal"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_what_its_parameter_takes() {
        for (text, says) in [
            ("filters = 16\nrate = nan", "rate takes a finite number, found not-a-number or an infinity"),
            ("filters = 16\nrate = \"high\"", "rate takes a finite number, found `high`"),
            ("filters = nan\nrate = nan", "filters takes a whole number, found not-a-number"),
            ("filters = -1", "filters takes a whole number, found -1"),
            ("filters = 1.5", "filters takes a whole number, found 1.5"),
            ("rate = 0.5", "missing field `filters`"),
        ] {
            let network = NetworkSpec::from_toml(&format!("[[layer]]\nkind = \"conv\"\n{text}\n")).unwrap();
            let error = network.layers[0].config::<Config>().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_spec_survives_json() {
        let network = NetworkSpec::from_toml("name = \"x\"\n[[layer]]\nkind = \"conv\"\nfilters = 3\n").unwrap();
        let json = serde_json::to_string(&network).unwrap();
        assert_eq!(serde_json::from_str::<NetworkSpec>(&json).unwrap(), network);
    }
}
