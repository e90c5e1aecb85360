//! Which layers a layer reads.

use revacnn_schemas::{IMAGES, LayerName, LayerSpec, NetworkSpec};

use crate::TrainerError;
use crate::layers::{self, Role};

/// What a layer reads: the layer at a place before it, or the images.
pub(crate) type Origin = Option<usize>;

/// What each layer reads, in order, `[layer]`. An edge that needs no word, to the layer before,
/// is taken out of the description of a layer that reads one.
///
/// # Errors
/// Edges to what is not before the layer, more or fewer than its kind reads, two to one layer,
/// and a layer that nothing reads. Every layer must have its name.
pub(crate) fn resolve_edges(spec: &mut NetworkSpec) -> Result<Vec<Vec<Origin>>, TrainerError> {
    let names: Vec<LayerName> =
        spec.layers.iter().map(|layer| layer.name.clone().expect("invariant: every layer was named")).collect();
    let mut sources: Vec<Vec<Origin>> = Vec::with_capacity(names.len());
    for (place, layer) in spec.layers.iter_mut().enumerate() {
        let found: Result<Vec<Origin>, TrainerError> =
            layer.reads.iter().map(|read| source(layer, place, &names, read)).collect();
        let mut found = found?;
        if let Some(twice) = (1..found.len()).find(|&at| found[..at].contains(&found[at])) {
            return Err(layers::refuse(layer, format!("it reads {} twice", layer.reads[twice])));
        }
        let gathers = matches!(layers::kind(&layer.kind)?.role, Role::Gathers(_));
        match (gathers, found.len()) {
            (true, 0 | 1) => {
                let reason = format!(
                    "it is made of two layers or more, found {} in reads: write reads = [\"…\", \"…\"] with layers \
                     before it, of {}",
                    found.len(),
                    before(place, &names)
                );
                return Err(layers::refuse(layer, reason));
            }
            (false, 2..) => {
                let reads: Vec<&str> = layer.reads.iter().map(LayerName::as_str).collect();
                let kinds = layers::gathering_kinds().collect::<Vec<_>>().join(" or ");
                let reason = format!(
                    "it reads one layer, found {} in reads ({}): a layer of kind {kinds} reads several",
                    found.len(),
                    reads.join(", ")
                );
                return Err(layers::refuse(layer, reason));
            }
            (false, 0) => found.push(place.checked_sub(1)),
            _ => {}
        }
        if !gathers && found[0] == place.checked_sub(1) {
            layer.reads.clear();
        }
        sources.push(found);
    }
    let mut is_read = vec![false; names.len()];
    sources.iter().flatten().flatten().for_each(|&place| is_read[place] = true);
    match (0..names.len().saturating_sub(1)).find(|&place| !is_read[place]) {
        Some(place) => {
            let reason = "no layer reads what it gives: name it in the reads of a layer behind it, or leave it out";
            Err(layers::refuse(&spec.layers[place], reason))
        }
        None => Ok(sources),
    }
}

/// The layer of this name before `place`, or the images.
fn source(layer: &LayerSpec, place: usize, names: &[LayerName], read: &LayerName) -> Result<Origin, TrainerError> {
    if let Some(at) = names[..place].iter().position(|name| name == read) {
        return Ok(Some(at));
    }
    if read.as_str() == IMAGES {
        return Ok(None);
    }
    let why = match names[place..].iter().position(|name| name == read) {
        Some(0) => "which it is itself".to_owned(),
        Some(_) => "which comes after it".to_owned(),
        None => "and there is no such layer".to_owned(),
    };
    Err(layers::refuse(layer, format!("it reads {read}, {why}; before it there are {}", before(place, names))))
}

/// What can be read at a place.
fn before(place: usize, names: &[LayerName]) -> String {
    let names = names[..place].iter().map(LayerName::as_str);
    std::iter::once(IMAGES).chain(names).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{ImageShape, NetworkSpec, Topology};

    use crate::resolve;

    const RGB: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    /// `layers` are kind and what else is written of it.
    fn resolved(layers: &[(&str, &str)]) -> Result<(NetworkSpec, Topology), String> {
        let layers = layers.iter().chain([&("softmax", "")]);
        let text: String = layers.map(|(kind, rest)| format!("[[layer]]\nkind = \"{kind}\"\n{rest}\n")).collect();
        resolve(&NetworkSpec::from_toml(&text).unwrap(), RGB, 10).map_err(|error| error.to_string())
    }

    const CONV: (&str, &str) = ("conv", "filters = 4\nkernel = 3\npad = 1");

    #[test]
    fn an_edge_to_the_layer_before_needs_no_word() {
        let of = |first: &str, second: &str| {
            let conv = format!("{}\n{first}", CONV.1);
            resolved(&[("conv", &conv), ("dropout", "rate = 0.5"), ("pool", &format!("kernel = 2\n{second}"))])
        };
        let plain = of("", "").unwrap();
        assert!(plain.0.layers.iter().all(|layer| layer.reads.is_empty()));
        assert!(plain.1.layers.iter().all(|layer| layer.reads.is_empty()));
        assert_eq!(of("reads = [\"input\"]", "reads = [\"dropout1\"]").unwrap(), plain);
    }

    #[test]
    fn what_reads_several_layers_makes_channels_of_theirs_and_numbers_them() {
        let (spec, topology) = resolved(&[
            CONV,
            ("conv", "filters = 4\nkernel = 3\npad = 1"),
            ("add", "reads = [\"conv2\", \"conv1\"]"),
            ("activation", "function = \"relu\""),
            ("concat", "reads = [\"input\", \"activation1\", \"conv1\"]"),
            ("pool", "kernel = 2"),
            ("conv", "filters = 2\nkernel = 1\nreads = [\"concat1\"]\nstride = 2"),
            ("concat", "reads = [\"pool1\", \"conv3\"]"),
        ])
        .unwrap();
        let blocks: Vec<(&str, usize)> =
            topology.blocks().map(|layer| (layer.layer.as_str(), layer.filters.len())).collect();
        let expected =
            [("conv1", 4), ("conv2", 4), ("add1", 4), ("concat1", 11), ("conv3", 2), ("concat2", 13), ("softmax", 10)];
        assert_eq!(blocks, expected);
        let input = |name: &str| topology.input_layer_of(&name.parse().unwrap()).map(|layer| layer.layer.to_string());
        assert_eq!(input("conv3").as_deref(), Some("concat1"));
        assert_eq!(input("softmax").as_deref(), Some("concat2"));
        let reads: Vec<Vec<&str>> =
            topology.layers.iter().map(|layer| layer.reads.iter().map(|name| name.as_str()).collect()).collect();
        assert_eq!(reads[2], ["conv2", "conv1"]);
        assert_eq!(reads[6], ["concat1"], "it reads no pool");
        assert!(reads[5].is_empty() && reads[8].is_empty());
        assert_eq!(resolve(&spec, RGB, 10).unwrap(), (spec, topology));
    }

    #[test]
    fn edges_that_lead_nowhere_and_maps_that_do_not_fit_are_refused_by_name() {
        let add = |reads: &str| ("add", format!("reads = [{reads}]"));
        let refused = |layers: &[(&str, &str)]| resolved(layers).unwrap_err();
        let of = |kind: &str, reads: &str| {
            let reads = format!("reads = [{reads}]");
            refused(&[CONV, ("conv", "filters = 5\nkernel = 3"), (kind, &reads), CONV])
        };
        for (kind, reads, says) in [
            (
                "add",
                "\"conv1\", \"conv3\"",
                "layer add1 (add): it reads conv3, which comes after it; before it there are input, conv1, conv2",
            ),
            ("add", "\"conv1\", \"add1\"", "it reads add1, which it is itself"),
            ("add", "\"conv1\", \"relu\"", "it reads relu, and there is no such layer"),
            ("add", "\"conv1\", \"conv1\"", "it reads conv1 twice"),
            ("add", "\"conv1\"", "it is made of two layers or more, found 1 in reads"),
            ("concat", "", "it is made of two layers or more, found 0 in reads"),
            ("add", "\"conv1\", \"conv2\"", "it adds maps of one shape, found 4×32×32 of conv1 and 5×30×30 of conv2"),
            ("concat", "\"conv2\", \"input\"", "found 5×30×30 of conv2 and 3×32×32 of input"),
            (
                "batchnorm",
                "\"conv1\", \"conv2\"",
                "it reads one layer, found 2 in reads (conv1, conv2): a layer of kind add or concat reads several",
            ),
            ("batchnorm", "\"conv1\"", "layer conv2 (conv): no layer reads what it gives"),
        ] {
            let found = of(kind, reads);
            assert!(found.contains(says), "{kind} {reads}: {found}");
        }
        let (kind, reads) = add("\"conv1\", \"conv2\"");
        let unread = refused(&[CONV, CONV, (kind, &reads), ("pool", "kernel = 2\nreads = [\"conv2\"]")]);
        assert!(unread.contains("layer add1 (add): no layer reads what it gives: name it in the reads"), "{unread}");
    }
}
