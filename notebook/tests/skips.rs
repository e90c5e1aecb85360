//! What is drawn of a network in which layers read several others.

mod support;

use revacnn_notebook::kinds::{Filter, Filters, Network};
use revacnn_notebook::{Cell, Show, Source, Sources, render};
use revacnn_schemas::{DiagramEdge, DiagramPart, Fidelity, Figure, FilterNumber, LayerName};

use support::{inputs, recorded, recorded_on};

const RESIDUAL: &str = r#"
[[layer]]
kind = "conv"
filters = 3
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "conv"
filters = 3
kernel = 3
pad = 1
[[layer]]
kind = "add"
reads = ["conv2", "conv1"]
[[layer]]
kind = "activation"
function = "relu"
[[layer]]
kind = "conv"
filters = 2
kernel = 3
pad = 1
[[layer]]
kind = "conv"
filters = 2
kernel = 1
reads = ["activation1"]
[[layer]]
kind = "batchnorm"
[[layer]]
kind = "concat"
reads = ["conv3", "batchnorm1", "input"]
[[layer]]
kind = "conv"
filters = 2
kernel = 3
[[layer]]
kind = "softmax"
"#;

#[test]
fn a_diagram_has_the_edges_of_its_network() {
    let folder = recorded_on("digits", RESIDUAL, Fidelity::Every, 3);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
    let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a network") };
    let columns: Vec<&str> = diagram.columns.iter().map(|column| column.layer.as_str()).collect();
    assert_eq!(columns, ["conv1", "conv2", "conv3", "conv4", "conv5"]);
    let joints: Vec<(&str, bool, usize)> =
        diagram.joints.iter().map(|joint| (joint.layer.as_str(), joint.adds, joint.after)).collect();
    assert_eq!(joints, [("add1", true, 2), ("concat1", false, 4)]);
    let names = |layers: Vec<LayerName>| layers.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(diagram.layers_in_order()),
        ["conv1", "conv2", "add1", "activation1", "conv3", "conv4", "batchnorm1", "concat1", "conv5"]
    );
    let before: Vec<_> = (0..=5).map(|gap| diagram.before_gap(gap).map(ToString::to_string)).collect();
    let expected = [None, Some("conv1"), Some("activation1"), Some("conv3"), Some("concat1"), Some("conv5")];
    assert_eq!(before, expected.map(|name| name.map(str::to_owned)));
    use DiagramPart::{Classes, Column, Input, Joint};
    let edge = |(from, to)| DiagramEdge { from, to };
    let expected = [
        (Input, Column(0)),
        (Column(0), Column(1)),
        (Column(1), Joint(0)),
        (Column(0), Joint(0)),
        (Joint(0), Column(2)),
        (Joint(0), Column(3)),
        (Column(2), Joint(1)),
        (Column(3), Joint(1)),
        (Input, Joint(1)),
        (Joint(1), Column(4)),
        (Column(4), Classes),
    ];
    assert_eq!(diagram.edges, expected.map(edge));
    assert_eq!(diagram.columns[3].layers.len(), 2, "conv4 and its normalisation");
    assert_eq!(diagram.columns[1].description, "conv 3×3", "what follows the sum is not conv2's");
    let path = folder.path().join("network.svg");
    render(&Figure::Network(diagram), &path).unwrap();

    let plain = recorded(Fidelity::Every);
    let mut sources = Sources::open(plain.path(), None, 1).unwrap();
    let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a network") };
    assert!(diagram.joints.is_empty() && diagram.edges.is_empty());
}

#[test]
fn a_filter_that_reads_several_layers_names_the_filters_of_each() {
    let folder = recorded_on("digits", RESIDUAL, Fidelity::Every, 3);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let of = |layer: &str| {
        Cell::from(Filter { at: None, layer: layer.parse().unwrap(), filter: FilterNumber(1), born: None })
    };
    let mut labels = |layer: &str| -> Vec<String> {
        let Figure::Images(grid) = of(layer).figure(&mut sources, &inputs(3)).unwrap() else { panic!("images") };
        grid.rows[0].images.iter().flatten().map(|image| image.label.clone()).collect()
    };
    assert_eq!(labels("conv3"), ["add1/0", "add1/1", "add1/2"]);
    assert_eq!(labels("conv5"), ["conv3/0", "conv3/1", "conv4/0", "conv4/1", "concat1/4"]);
    // A sum has maps, and no coefficients.
    let of = |of: Source| Cell::from(Filters { at: Vec::new(), layer: "add1".parse().unwrap(), of });
    let Figure::Images(grid) = of(Source::Activations).figure(&mut sources, &inputs(3)).unwrap() else {
        panic!("images")
    };
    assert_eq!(grid.rows[0].images.len(), 3);
    let refused = of(Source::Weights).figure(&mut sources, &inputs(3)).unwrap_err().to_string();
    assert!(refused.contains("layer `add1` of `main` has no weights: there is conv1"), "{refused}");
}

const SUM: &str = r#"
[[layer]]
kind = "conv"
filters = 1
kernel = 3
pad = 1
[[layer]]
kind = "add"
reads = ["conv1", "input"]
[[layer]]
kind = "softmax"
"#;

#[test]
fn a_sum_with_the_images_is_drawn_as_a_sum() {
    let folder = recorded_on("digits", SUM, Fidelity::Every, 3);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
    let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a network") };
    assert_eq!(diagram.joints.iter().map(|joint| joint.adds).collect::<Vec<_>>(), [true]);
    assert!(diagram.edges.contains(&DiagramEdge { from: DiagramPart::Input, to: DiagramPart::Joint(0) }));
}

/// A layer that makes one channel of several of one layer.
#[test]
fn maxout_is_drawn_with_the_layer_that_it_reads() {
    let maxout =
        "[[layer]]\nkind = \"conv\"\nfilters = 6\nkernel = 3\npad = 1\n[[layer]]\nkind = \"maxout\"\npieces = 3\n";
    let conv = |more: &str| format!("[[layer]]\nkind = \"conv\"\nfilters = 2\nkernel = 3\npad = 1\n{more}");
    let softmax = "[[layer]]\nkind = \"softmax\"\n";
    let add = "[[layer]]\nkind = \"add\"\nreads = [\"conv2\", \"maxout1\"]\n";
    for (network, joints) in
        [(format!("{maxout}{}{softmax}", conv("")), 0), (format!("{maxout}{}{add}{softmax}", conv("")), 1)]
    {
        let folder = recorded_on("digits", &network, Fidelity::Every, 3);
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
        let Figure::Network(diagram) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a network") };
        let columns: Vec<(&str, &str)> =
            diagram.columns.iter().map(|column| (column.layer.as_str(), column.description.as_str())).collect();
        assert_eq!(columns, [("conv1", "conv 3×3 · maxout of 3"), ("conv2", "conv 3×3")]);
        assert_eq!(diagram.columns[0].layers.len(), 2);
        assert_eq!(diagram.joints.len(), joints);
        use DiagramPart::{Classes, Column, Input, Joint};
        let edge = |(from, to)| DiagramEdge { from, to };
        let expected = [
            (Input, Column(0)),
            (Column(0), Column(1)),
            (Column(1), Joint(0)),
            (Column(0), Joint(0)),
            (Joint(0), Classes),
        ];
        assert_eq!(diagram.edges, expected.map(edge)[..5 * joints]);
        render(&Figure::Network(diagram), &folder.path().join("network.svg")).unwrap();
        let of = Filter { at: None, layer: "conv2".parse().unwrap(), filter: FilterNumber(1), born: None };
        let Figure::Images(grid) = Cell::from(of).figure(&mut sources, &inputs(3)).unwrap() else { panic!("images") };
        let labels: Vec<&str> = grid.rows[0].images.iter().flatten().map(|image| image.label.as_str()).collect();
        assert_eq!(labels, ["maxout1/0", "maxout1/1"]);
        let maps = Filters { at: Vec::new(), layer: "maxout1".parse().unwrap(), of: Source::Activations };
        let Figure::Images(grid) = Cell::from(maps).figure(&mut sources, &inputs(3)).unwrap() else { panic!("images") };
        assert_eq!(grid.rows[0].images.len(), 2);
    }
}
