//! Each cell's figure against values of the log.

mod support;

use std::sync::Arc;

use revacnn_notebook::{Cell, Evaluator, Inputs, Matching, Method, Show, Source, XAxis, render};
use revacnn_recorder::Replay;
use revacnn_schemas::{Fidelity, Figure, FilterNumber, ImageIndex, Scale, Step};
use revacnn_store::{Lineage, Store};
use revacnn_trainer::data;

use support::{inputs, recorded};

#[test]
fn a_loss_curve_has_the_logs_values() {
    let folder = recorded(Fidelity::Every);
    let lineage = Lineage::open(&Store::open(folder.path()).unwrap(), &"main".parse().unwrap()).unwrap();
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let cell = Cell::Loss { x: XAxis::Images, scale: Scale::Linear };
    let Figure::Chart(chart) = evaluator.evaluate(&cell, &inputs(0)).unwrap() else { panic!("a chart") };
    let [train, validation] = &chart.series[..] else { panic!("two curves") };
    assert_eq!(train.points.len(), 41);
    assert!(train.points[0][1].is_nan(), "step 0 has no loss");
    for (step, point) in (0..41).zip(&train.points).skip(1) {
        let row = lineage.step_row(Step(step)).unwrap();
        assert_eq!(*point, [row.cursor.images_seen as f64, f64::from(row.loss.unwrap())]);
    }
    let expected: Vec<f64> = lineage.validations().unwrap().iter().map(|(_, result)| f64::from(result.loss)).collect();
    assert_eq!(validation.points.iter().map(|point| point[1]).collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 3);
}

#[test]
fn a_layers_statistic_is_the_mean_over_its_filters() {
    let folder = recorded(Fidelity::Every);
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let mut chart = |filter: Option<u32>| {
        let cell = Cell::Chart {
            quantity: "weight_norm".into(),
            layer: Some("conv1".parse().unwrap()),
            filter: filter.map(FilterNumber),
            x: XAxis::Step,
            scale: Scale::Linear,
        };
        let Figure::Chart(chart) = evaluator.evaluate(&cell, &inputs(0)).unwrap() else { panic!("a chart") };
        chart.series.into_iter().next().unwrap()
    };
    let mean = chart(None);
    let each: Vec<_> = (0..5).map(|filter| chart(Some(filter))).collect();
    for (place, point) in mean.points.iter().enumerate() {
        let expected = each.iter().map(|curve| curve.points[place][1]).sum::<f64>() / 5.0;
        assert!((point[1] - expected).abs() < 1e-12, "{place}");
        assert!(mean.bounds[place][0] <= expected && expected <= mean.bounds[place][1]);
    }
}

#[test]
fn a_network_shows_the_recorded_maps_and_computes_those_of_any_other_image() {
    let folder = recorded(Fidelity::Every);
    let store = Store::open(folder.path()).unwrap();
    let reader = Lineage::open(&store, &"main".parse().unwrap()).unwrap().into_holder(Step(30)).unwrap();
    let expected = Replay::new(reader).tensors(Step(30)).unwrap();
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let cell = Cell::Network { at: None, show: Show::Maps };
    let Figure::Network(shown) = evaluator.evaluate(&cell, &inputs(30)).unwrap() else { panic!("a network") };
    let pixels: Vec<f32> = shown.columns[0].nodes.iter().flat_map(|node| node.image.clone().unwrap().pixels).collect();
    assert_eq!(pixels, expected.blocks[0].activations);
    let probabilities: Vec<f32> = shown.classes.iter().map(|class| class.probability).collect();
    assert_eq!(probabilities, expected.blocks[1].activations);
    assert_eq!(shown.columns[0].nodes.iter().filter(|node| node.top_half).count(), 3);
    assert!(shown.columns[0].nodes.iter().all(|node| node.mean_abs_gradient.is_some()));
    // Computing the probe's maps anew gives the recorded bits.
    let reader = Lineage::open(&store, &"main".parse().unwrap()).unwrap().into_holder(Step(30)).unwrap();
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let mut replay = Replay::new(reader).with_data(dataset, 1);
    assert_eq!(replay.look(Step(30), &[ImageIndex(7)]).unwrap(), expected);
    let other = Inputs { image: Some(ImageIndex(8)), ..inputs(30) };
    let Figure::Network(other) = evaluator.evaluate(&cell, &other).unwrap() else { panic!("a network") };
    assert_ne!(other.columns[0].nodes[0].image, shown.columns[0].nodes[0].image);
    assert!((other.classes.iter().map(|class| class.probability).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn figures_of_a_branch_of_keyframes_are_those_of_one_with_every_step() {
    let (every, keyframes) = (recorded(Fidelity::Every), recorded(Fidelity::Keyframes));
    let layer: revacnn_schemas::LayerName = "conv1".parse().unwrap();
    let at = vec!["main@3".parse().unwrap(), "main@30".parse().unwrap()];
    let embedding = Cell::Embedding {
        at: at.clone(),
        layer: layer.clone(),
        of: Source::Gradients,
        method: Method::Tsne,
        perplexity: None,
        seed: 0,
    };
    let cells = [
        Cell::Network { at: None, show: Show::Coefficients },
        Cell::Filters { at: at.clone(), layer, of: Source::ActivationGradients },
        embedding,
        Cell::Filter { at: None, layer: "softmax".parse().unwrap(), filter: FilterNumber(3), born: None },
        Cell::Compare { at, matching: Matching::Identity },
        Cell::Confusion { at: None },
    ];
    for cell in cells {
        let figure = |folder: &tempfile::TempDir| {
            Evaluator::open(folder.path(), None, 1).unwrap().evaluate(&cell, &inputs(21)).unwrap()
        };
        assert_eq!(format!("{:?}", figure(&every)), format!("{:?}", figure(&keyframes)), "{cell:?}");
    }
}

#[test]
fn what_is_not_there_is_an_error_that_lists_what_is() {
    let folder = recorded(Fidelity::Every);
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let chart = |quantity: &str, layer: Option<&str>| Cell::Chart {
        quantity: quantity.into(),
        layer: layer.map(|layer| layer.parse().unwrap()),
        filter: None,
        x: XAxis::Step,
        scale: Scale::Linear,
    };
    let filters = Cell::Filters { at: Vec::new(), layer: "conv9".parse().unwrap(), of: Source::Weights };
    for (cell, listed) in [
        (chart("lossy", None), "live_accuracy"),
        (chart("weight_norm", None), "name a layer"),
        (chart("weight_norm", Some("conv9")), "conv1"),
        (filters, "conv1"),
    ] {
        let error = evaluator.evaluate(&cell, &inputs(0)).unwrap_err().to_string();
        assert!(error.contains(listed), "{error}");
    }
}

#[test]
fn every_figure_is_drawn_with_the_same_bytes_twice() {
    let folder = recorded(Fidelity::Every);
    let mut evaluator = Evaluator::open(folder.path(), None, 1).unwrap();
    let at = vec!["main@0".parse().unwrap(), "main@40".parse().unwrap()];
    let cells = [
        Cell::Loss { x: XAxis::Epoch, scale: Scale::Logarithmic },
        Cell::Network { at: None, show: Show::Maps },
        Cell::Filter { at: None, layer: "conv1".parse().unwrap(), filter: FilterNumber(2), born: None },
        Cell::Compare { at, matching: Matching::Identity },
        Cell::Confusion { at: None },
    ];
    for cell in cells {
        let figure = evaluator.evaluate(&cell, &inputs(40)).unwrap();
        for ending in ["svg", "png"] {
            let [first, second] = [0, 1].map(|time| {
                let path = folder.path().join(format!("{time}.{ending}"));
                render(&figure, &path).unwrap();
                std::fs::read(path).unwrap()
            });
            assert!(first == second && !first.is_empty(), "{cell:?}");
        }
        let text = std::fs::read_to_string(folder.path().join("0.svg")).unwrap();
        assert!(text.contains(figure.title().split(':').next().unwrap()), "{cell:?} has its title");
    }
    let figure = evaluator.evaluate(&Cell::Confusion { at: None }, &inputs(40)).unwrap();
    let error = render(&figure, &folder.path().join("x.gif")).unwrap_err().to_string();
    assert!(error.contains(".svg or .png"), "{error}");
}
