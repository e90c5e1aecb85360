//! The edits that buttons make: each is a value from the press on.

use revacnn_schemas::{Change, Edit, FilterInit, FilterNumber, LayerName, Target};

fn edit(change: Change) -> Edit {
    Edit { change, seed: None }
}

/// Adds a filter to a layer.
pub(crate) fn add_filter(layer: &LayerName, init: FilterInit) -> Edit {
    edit(Change::AddFilter { layer: layer.clone(), count: 1, init, coefficients: None })
}

/// Removes a filter.
pub(crate) fn remove_filter(layer: &LayerName, filter: FilterNumber) -> Edit {
    edit(Change::RemoveFilter { layer: layer.clone(), filter })
}

/// Adds a copy of a filter.
pub(crate) fn duplicate_filter(layer: &LayerName, filter: FilterNumber) -> Edit {
    edit(Change::DuplicateFilter { layer: layer.clone(), filter })
}

/// Draws a filter's coefficients anew.
pub(crate) fn reinitialise(layer: &LayerName, filter: FilterNumber) -> Edit {
    edit(Change::Reinitialise(Target { layer: layer.clone(), filter: Some(filter) }))
}

/// Freezes a filter, or a whole layer; thaws it where it is frozen.
pub(crate) fn freeze(layer: &LayerName, filter: Option<FilterNumber>, frozen: bool) -> Edit {
    let target = Target { layer: layer.clone(), filter };
    edit(if frozen { Change::Unfreeze(target) } else { Change::Freeze(target) })
}

/// Removes a layer.
pub(crate) fn remove_layer(layer: &LayerName) -> Edit {
    edit(Change::RemoveLayer { layer: layer.clone() })
}

/// Gives a layer another activation function.
pub(crate) fn set_activation(layer: &LayerName, function: &str) -> Edit {
    edit(Change::SetActivation { layer: layer.clone(), function: function.to_owned() })
}

/// Inserts a layer of a kind after another one, with what follows as it is
/// written; `None` where that is no edit.
pub(crate) fn insert_layer(kind: &str, after: &LayerName, rest: &str) -> Option<Edit> {
    format!("insert-layer {kind} after={after} {rest}").trim_end().parse().ok()
}

/// Gives a hyper-parameter another value.
///
/// # Errors
/// What was expected.
pub(crate) fn set(hyper_parameter: &str, value: &str) -> Result<Edit, String> {
    let parsed = format!("set {hyper_parameter} {value}").parse();
    parsed.map_err(|error: revacnn_schemas::SchemaError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_button_makes_is_what_its_command_says() {
        let layer: LayerName = "conv2".parse().unwrap();
        let filter = FilterNumber(7);
        for (made, written) in [
            (add_filter(&layer, FilterInit::Random), "add-filter conv2"),
            (add_filter(&layer, FilterInit::Gradmax), "add-filter conv2 init=gradmax"),
            (remove_filter(&layer, filter), "remove-filter conv2/7"),
            (duplicate_filter(&layer, filter), "duplicate-filter conv2/7"),
            (reinitialise(&layer, filter), "reinitialise conv2/7"),
            (freeze(&layer, Some(filter), false), "freeze conv2/7"),
            (freeze(&layer, None, true), "unfreeze conv2"),
            (remove_layer(&layer), "remove-layer conv2"),
            (set_activation(&layer, "tanh"), "set activation conv2 tanh"),
            (insert_layer("dropout", &layer, "").unwrap(), "insert-layer dropout after=conv2"),
            (set("momentum", "0.5").unwrap(), "set momentum 0.5"),
        ] {
            assert_eq!(made.to_string(), written);
            assert_eq!(written.parse(), Ok(made));
        }
        assert!(set("momentum", "much").unwrap_err().contains("much"));
    }
}
