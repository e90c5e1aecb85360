//! What is drawn of a network that gives back the image, and what is refused.

mod support;

use revacnn_notebook::kinds::{Chart, Confusion, Filters, Network, Predict, Predictions, Results, Saliency, Samples};
use revacnn_notebook::{ACCURACY, Cell, ImageSplit, Rank, Show, Source, Sources, render};
use revacnn_recorder::Replay;
use revacnn_schemas::{ClassOutputs, Fidelity, Figure, ImageIndex, Palette, Step};
use revacnn_store::{Lineage, Store};

use support::{inputs, recorded, recorded_on};

const AUTOENCODER: &str = r#"
[[layer]]
kind = "conv"
filters = 3
kernel = 3
activation = "relu"
[[layer]]
kind = "fully-connected"
units = 6
activation = "tanh"
[[layer]]
kind = "regression"
target = "image"
"#;

fn predictions() -> Predictions {
    Predictions {
        at: None,
        of: ImageSplit::Validation,
        wrong: false,
        class: None,
        predicted: None,
        count: 5,
        table: false,
    }
}

#[test]
fn the_reconstruction_is_drawn_with_the_recorded_values() {
    for fidelity in [Fidelity::Every, Fidelity::Keyframes] {
        let folder = recorded_on("digits", AUTOENCODER, fidelity, 12);
        let store = Store::open(folder.path()).unwrap();
        let reader = Lineage::open(&store, &"main".parse().unwrap()).unwrap().into_holder(Step(12)).unwrap();
        let data = std::sync::Arc::new(revacnn_trainer::data::load("digits", None).unwrap());
        let mut replay = Replay::new(reader).with_data(data, 1);
        let expected = replay.tensors(Step(12)).unwrap();
        let block = expected.blocks.last().unwrap();
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
        let figure = cell.figure(&mut sources, &inputs(12)).unwrap();
        let Figure::Network(diagram) = &figure else { panic!("a network") };
        let columns: Vec<&str> = diagram.columns.iter().map(|column| column.layer.as_str()).collect();
        assert_eq!(columns, ["conv1", "fc1"], "the last layer is a picture");
        assert!(diagram.classes.is_empty() && diagram.outputs == ClassOutputs::Image);
        let image = diagram.reconstruction.as_ref().unwrap();
        assert_eq!((image.rows, image.columns, image.palette), (8, 8, Palette::Sequential));
        assert_eq!((&image.pixels, image.range), (&block.activations, [-0.5, 0.5]));
        assert!(image.label.starts_with("loss "), "{}", image.label);
        render(&figure, &folder.path().join("network.svg")).unwrap();
        // An image that is no probe image is computed.
        let other = revacnn_notebook::Inputs { image: Some(ImageIndex(9).into()), ..inputs(12) };
        let Figure::Network(other) = cell.figure(&mut sources, &other).unwrap() else { panic!("a network") };
        assert_ne!(other.reconstruction, diagram.reconstruction);
        // Maps of the last layer are that picture, and the gradient of the loss is another.
        for (of, pixels) in [(Source::Activations, &block.activations), (Source::ActivationGradients, &block.gradients)]
        {
            let cell = Cell::from(Filters { at: Vec::new(), layer: "regression".parse().unwrap(), of });
            let Figure::Images(grid) = cell.figure(&mut sources, &inputs(12)).unwrap() else { panic!("images") };
            let [Some(image)] = &grid.rows[0].images[..] else { panic!("one picture") };
            assert_eq!((image.rows, &image.pixels), (8, pixels), "{of}");
        }
    }
}

#[test]
fn predictions_have_each_image_and_its_reconstruction() {
    let folder = recorded_on("digits", AUTOENCODER, Fidelity::Every, 12);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let figure = Cell::from(predictions()).figure(&mut sources, &inputs(12)).unwrap();
    let Figure::Sheet(sheet) = &figure else { panic!("a sheet") };
    assert_eq!(sheet.pictures.len(), 5);
    assert!(sheet.pictures.iter().all(|picture| picture.beside.is_some() && !picture.wrong));
    let lineage = Lineage::open(&Store::open(folder.path()).unwrap(), &"main".parse().unwrap()).unwrap();
    assert!(lineage.validations().unwrap().iter().all(|(_, result)| result.correct.is_none()));
    render(&figure, &folder.path().join("sheet.svg")).unwrap();
    let of_class = Cell::from(Predictions { class: Some("4".to_owned()), table: true, ..predictions() });
    let Figure::Table(table) = of_class.figure(&mut sources, &inputs(12)).unwrap() else { panic!("a table") };
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["image", "class", "loss"]);
    assert!(table.rows.len() == 5 && table.rows.iter().all(|row| row[1] == "4"), "{:?}", table.rows);
}

#[test]
fn what_needs_classes_is_refused_by_the_name_of_the_layer() {
    let folder = recorded_on("digits", AUTOENCODER, Fidelity::Every, 3);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let samples = |by| Samples { at: None, by, class: None, count: 4, table: true };
    let quantity = |name: &str| Cell::from(Chart { quantity: name.to_owned(), ..Chart::default() });
    let refused = [
        Cell::from(Confusion::default()),
        Saliency { at: None, of: ImageSplit::Train, class: None }.into(),
        Predict { at: Vec::new(), top: 3, table: true }.into(),
        quantity(ACCURACY),
        quantity("live_accuracy"),
        quantity("validation_accuracy"),
        samples(Rank::Forgotten).into(),
        samples(Rank::NeverLearned).into(),
        samples(Rank::Mislabelled).into(),
        Predictions { wrong: true, ..predictions() }.into(),
        Predictions { predicted: Some("3".to_owned()), ..predictions() }.into(),
    ];
    for cell in refused {
        let text = cell.figure(&mut sources, &inputs(3)).unwrap_err().to_string();
        assert!(
            text.starts_with("layer regression gives back the image and predicts no class: there is no "),
            "{text}"
        );
    }
    let cell = Cell::from(samples(Rank::Hardest));
    let Figure::Table(table) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a table") };
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["image", "class", "seen", "mean loss", "last loss"]);
    for name in ["loss", "validation_loss"] {
        let Figure::Chart(chart) = quantity(name).figure(&mut sources, &inputs(3)).unwrap() else { panic!("a chart") };
        assert_eq!(chart.y.unit, None, "no such loss is in nats");
    }
}

/// A table of results has no column that nothing is in.
#[test]
fn results_have_an_accuracy_where_some_branch_has() {
    for (folder, has) in
        [(recorded_on("digits", AUTOENCODER, Fidelity::Every, 3), false), (recorded(Fidelity::Every), true)]
    {
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let cell = Cell::from(Results::default());
        let Figure::Table(table) = cell.figure(&mut sources, &inputs(3)).unwrap() else { panic!("a table") };
        assert_eq!(table.columns.iter().any(|column| column.name == "accuracy"), has, "{:?}", table.columns);
    }
}
