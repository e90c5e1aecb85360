//! Whatever no edit names keeps its bits.

use proptest::prelude::*;
use revacnn_trainer::Trainer;

use crate::support::{child, connections, edits, layers, train, trained};

/// An edit of a random sequence, by choices that the network at hand turns
/// into one that can be made.
fn random_edit(trainer: &Trainer, (verb, layer, filter): (u8, u8, u8)) -> Option<String> {
    let layers: Vec<_> =
        trainer.topology().layers.iter().filter(|layer| ["conv", "fully-connected"].contains(&&*layer.kind)).collect();
    let layer = layers[usize::from(layer) % layers.len()];
    let number = layer.filters[usize::from(filter) % layer.filters.len()].number;
    let name = &layer.layer;
    match verb % 5 {
        0 => Some(format!("add-filter {name} count={}", 1 + filter % 3)),
        1 => Some(format!("add-filter {name} init=zero")),
        2 => (layer.filters.len() > 1).then(|| format!("remove-filter {name}/{number}")),
        3 => Some(format!("set learning-rate 0.{}", 1 + filter % 9)),
        _ => Some(format!("insert-layer conv after=input kernel={}", 1 + 2 * (filter % 2))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_no_edit_names_keeps_its_bits(choices in prop::collection::vec((0_u8..5, any::<u8>(), any::<u8>()), 1..6)) {
        let mut trainer = trained(layers(), 2);
        for choice in choices {
            let Some(text) = random_edit(&trainer, choice) else { continue };
            let before = connections(&trainer);
            let edited = match trainer.edited(&edits(&[&text])) {
                // What is so already is refused, and changes nothing.
                Err(error) if error.to_string().contains(" already: ") => continue,
                edited => edited.unwrap_or_else(|error| panic!("{text}: {error}")),
            };
            prop_assert_eq!(edited.state.cursor, trainer.cursor());
            let next = child(&edited, 1);
            let after = connections(&next);
            let mut kept = 0;
            for (connection, bits) in &before {
                if let Some(now) = after.get(connection) {
                    prop_assert_eq!(now, bits, "{}: {:?}", &text, connection);
                    kept += 1;
                }
            }
            prop_assert!(kept * 3 >= before.len(), "{}: {} of {}", &text, kept, before.len());
            for (layer, old) in next.topology().layers.iter().filter_map(|layer| {
                Some((layer, trainer.topology().layers.iter().find(|old| old.layer == layer.layer)?))
            }) {
                for filter in &layer.filters {
                    let known = old.filters.contains(filter);
                    prop_assert!(known || filter.number >= old.next_filter, "{}: {} is used twice", &text, filter.number);
                    prop_assert!(filter.number < layer.next_filter);
                }
            }
            trainer = next;
        }
        train(&mut trainer, 1);
    }
}
