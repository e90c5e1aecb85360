//! Filters of two networks, paired by assignment.

use revacnn_analysis::{LayerParameters, NetworkParameters, matched_by_assignment};
use revacnn_schemas::{BranchId, FilterIdentity, FilterNumber, LayerName, LayerTopology, Topology};

/// A network of two convolutions, a normalisation and classes. `first` and
/// `second` name what the filters of the convolutions are: equal names have
/// equal coefficients, wherever the filters lie.
struct Network {
    topology: Topology,
    arrays: Vec<(LayerName, Vec<f32>, Vec<f32>)>,
}

fn value(layer: usize, filter: usize, input: usize, place: usize) -> f32 {
    ((layer * 31 + filter * 17 + input * 7 + place * 3) % 23) as f32 - 11.0
}

fn kernels(layer: usize, filters: &[usize], inputs: &[usize]) -> Vec<f32> {
    let of =
        |filter: usize| inputs.iter().flat_map(move |&input| (0..4).map(move |at| value(layer, filter, input, at)));
    filters.iter().flat_map(|&filter| of(filter).collect::<Vec<_>>()).collect()
}

fn network(born: char, first: &[usize], second: &[usize]) -> Network {
    let name = |text: &str| text.parse::<LayerName>().unwrap();
    let born: BranchId = format!("b{}", String::from(born).repeat(15)).parse().unwrap();
    let layer = |text: &str, kind: &str, filters: usize, coefficients: usize, map: Option<[usize; 2]>| LayerTopology {
        layer: name(text),
        kind: kind.to_owned(),
        reads: Vec::new(),
        filters: (0..filters as u32)
            .map(|number| FilterIdentity { number: FilterNumber(number), born: Some(born.clone()) })
            .collect(),
        coefficients: Some(coefficients),
        map,
        normalises: kind == "batchnorm",
        groups: 1,
        kernel: None,
        next_filter: FilterNumber(filters as u32),
    };
    let topology = Topology {
        layers: vec![
            layer("conv1", "conv", first.len(), 4, Some([4, 4])),
            layer("batchnorm1", "batchnorm", first.len(), 1, None),
            layer("conv2", "conv", second.len(), 4 * first.len(), Some([2, 2])),
            layer("softmax", "softmax", 2, 4 * second.len(), Some([1, 1])),
        ],
        retired: Vec::new(),
    };
    let biases = |filters: &[usize]| filters.iter().map(|&filter| filter as f32).collect();
    let arrays = vec![
        (name("conv1"), kernels(0, first, &[0]), biases(first)),
        (name("batchnorm1"), biases(first), vec![0.0; first.len()]),
        (name("conv2"), kernels(1, second, first), biases(second)),
        (name("softmax"), kernels(2, &[0, 1], second), vec![0.0; 2]),
    ];
    Network { topology, arrays }
}

/// For each layer of the right network, the left filters that its own are
/// paired with; `None` for those without a partner.
fn paired(left: &Network, right: &Network) -> Vec<Vec<Option<u32>>> {
    let layers = |network: &Network| network.arrays.clone();
    let (ours, theirs) = (layers(left), layers(right));
    let views = |(layer, weights, biases)| LayerParameters { layer, weights, biases };
    let [ours, theirs] = [&ours, &theirs]
        .map(|arrays| arrays.iter().map(|(a, b, c)| views((a, &b[..], &c[..]))).collect::<Vec<LayerParameters<'_>>>());
    let found = matched_by_assignment(
        NetworkParameters { topology: &left.topology, layers: &ours },
        NetworkParameters { topology: &right.topology, layers: &theirs },
    );
    let layers = found.layers.iter().zip(&left.topology.layers);
    layers
        .map(|(found, ours)| {
            let own = |filter: &FilterIdentity| ours.filters.contains(filter).then_some(filter.number.0);
            found.filters.iter().map(own).collect()
        })
        .collect()
}

#[test]
fn a_permuted_network_is_found_again_layer_by_layer() {
    let left = network('a', &[0, 1, 2, 3], &[0, 1, 2]);
    let right = network('b', &[2, 0, 3, 1], &[1, 2, 0]);
    let first = vec![Some(2), Some(0), Some(3), Some(1)];
    // The second convolution is found through the first one's pairs, the
    // normalisation lies as the filters that it follows, classes stay.
    let expected = [first.clone(), first, vec![Some(1), Some(2), Some(0)], vec![Some(0), Some(1)]];
    assert_eq!(paired(&left, &right), expected);
    // Of one birthplace, too: by assignment, not by number.
    let child = network('a', &[2, 0, 3, 1], &[1, 2, 0]);
    assert_eq!(paired(&left, &child), expected);
}

#[test]
fn what_is_in_one_network_alone_has_no_partner() {
    let left = network('a', &[0, 1, 2], &[0, 1]);
    let right = network('a', &[7, 2, 0, 1], &[1, 9, 0]);
    let first = vec![None, Some(2), Some(0), Some(1)];
    let second = vec![Some(1), None, Some(0)];
    assert_eq!(paired(&left, &right), [first.clone(), first, second, vec![Some(0), Some(1)]]);
    let turned = vec![Some(2), Some(3), Some(1)];
    assert_eq!(paired(&right, &left)[0], turned);
}

#[test]
fn layers_of_other_kernels_and_kinds_are_not_paired() {
    let left = network('a', &[0, 1, 2], &[0, 1]);
    let mut right = network('b', &[0, 1, 2], &[0, 1]);
    right.topology.layers[0].coefficients = Some(9);
    right.arrays[0].1 = vec![0.0; 27];
    let none = |filters: usize| vec![None; filters];
    // What reads filters without partners has nothing to be compared by.
    assert_eq!(paired(&left, &right), [none(3), none(3), none(2), none(2)]);
    let mut right = network('b', &[0, 1, 2], &[0, 1]);
    right.topology.layers[2].kind = "fully-connected".to_owned();
    let own = vec![Some(0), Some(1), Some(2)];
    assert_eq!(paired(&left, &right), [own.clone(), own, none(2), none(2)]);
}

/// A network whose second convolution is added to the first, and whose third reads the sum and is
/// joined with it. `stream` and `third` name what the filters are.
fn residual(born: char, stream: &[usize], third: &[usize]) -> Network {
    let Network { mut topology, arrays: _ } = network(born, stream, third);
    let template = topology.layers[0].clone();
    let layer = |text: &str, filters: usize, coefficients: Option<usize>, reads: &[&str]| LayerTopology {
        layer: text.parse().unwrap(),
        kind: text.trim_end_matches(char::is_numeric).to_owned(),
        reads: reads.iter().map(|name| name.parse().unwrap()).collect(),
        filters: (0..filters as u32)
            .map(|number| FilterIdentity { number: FilterNumber(number), ..template.filters[0].clone() })
            .collect(),
        coefficients,
        ..template.clone()
    };
    let (of_stream, of_third) = (stream.len(), third.len());
    topology.layers = vec![
        layer("conv1", of_stream, Some(4), &[]),
        layer("conv2", of_stream, Some(4 * of_stream), &[]),
        layer("add1", of_stream, None, &["conv2", "conv1"]),
        layer("conv3", of_third, Some(4 * of_stream), &[]),
        layer("concat1", of_third + of_stream, None, &["conv3", "add1"]),
        layer("softmax", 2, Some(4 * (of_third + of_stream)), &[]),
    ];
    let joined: Vec<usize> = third.iter().map(|filter| 10 + filter).chain(stream.iter().copied()).collect();
    let biases = |filters: &[usize]| filters.iter().map(|&filter| filter as f32).collect();
    // All filters of conv2 are alike but for their biases, which say the opposite: what it is added to decides.
    let alike = kernels(1, &vec![0; of_stream], stream);
    let arrays = vec![
        ("conv1".parse().unwrap(), kernels(0, stream, &[0]), biases(stream)),
        ("conv2".parse().unwrap(), alike, (0..of_stream).map(|place| place as f32).collect()),
        ("conv3".parse().unwrap(), kernels(2, third, stream), biases(third)),
        ("softmax".parse().unwrap(), kernels(3, &[0, 1], &joined), vec![0.0; 2]),
    ];
    Network { topology, arrays }
}

#[test]
fn filters_that_are_added_up_are_paired_alike_and_joined_channels_as_what_they_are_of() {
    let left = residual('1', &[0, 1, 2, 3], &[0, 1, 2]);
    let right = residual('2', &[2, 0, 3, 1], &[1, 2, 0]);
    let found = paired(&left, &right);
    let stream = [Some(2), Some(0), Some(3), Some(1)];
    assert_eq!(found[0], stream, "conv1");
    assert_eq!(found[1], stream, "conv2");
    assert_eq!(found[2], stream, "add1");
    assert_eq!(found[3], [Some(1), Some(2), Some(0)], "conv3");
    let joined = [Some(1), Some(2), Some(0), Some(5), Some(3), Some(6), Some(4)];
    assert_eq!(found[4], joined, "concat1");
    assert_eq!(found[5], [Some(0), Some(1)], "softmax");
}
