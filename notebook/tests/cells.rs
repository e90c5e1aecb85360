//! Each cell's figure against values of the log.

mod support;

use std::sync::Arc;

use revacnn_notebook::kinds::{Chart, Compare, Confusion, Embedding, Filter, Filters, Loss, Network, Start};
use revacnn_notebook::{ACCURACY, Cell, Inputs, Matching, Method, Show, Smoothing, Source, Sources, XAxis, render};
use revacnn_recorder::Replay;
use revacnn_schemas::{Fidelity, Figure, FilterNumber, ImageIndex, Scale, Step};
use revacnn_store::{Lineage, Store};
use revacnn_trainer::data;

use support::{inputs, recorded};

#[test]
fn a_loss_curve_has_the_logs_values() {
    let folder = recorded(Fidelity::Every);
    let lineage = Lineage::open(&Store::open(folder.path()).unwrap(), &"main".parse().unwrap()).unwrap();
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Loss { x: XAxis::Images, scale: Scale::Linear, ..Loss::default() });
    let Figure::Chart(chart) = cell.figure(&mut sources, &inputs(0)).unwrap() else { panic!("a chart") };
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

/// The curve that is looked at closely is the whole one, with more points.
#[test]
fn a_smoothed_curve_keeps_the_recorded_one_behind_it_and_a_closer_look_is_of_the_same_numbers() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut of = |cell: Cell| {
        let Figure::Chart(chart) = cell.figure(&mut sources, &inputs(0)).unwrap() else { panic!("a chart") };
        chart.series
    };
    let whole = of(Loss::default().into());
    assert!(whole.iter().all(|series| series.raw.is_empty()));
    let smoothing: Smoothing = "0.6".parse().unwrap();
    let smoothed = of(Loss { smoothing, ..Loss::default() }.into());
    assert_eq!(smoothed[0].name, "main train, smoothed");
    assert!(smoothed[0].raw.iter().zip(&whole[0].points).all(|(raw, point)| raw[1].to_bits() == point[1].to_bits()));
    assert_ne!(smoothed[0].points[9], whole[0].points[9]);
    assert!(smoothed[1] == whole[1], "a validation is as it was found");
    let within = Some([Step(10), Step(20)]);
    let closer = of(Loss { smoothing, within, ..Loss::default() }.into());
    // A point beyond either end, so that the line reaches to it.
    assert_eq!(closer[0].points, smoothed[0].points[9..=21]);
    assert_eq!(closer[0].raw, smoothed[0].raw[9..=21]);

    let accuracy = of(Chart { quantity: ACCURACY.to_owned(), ..Chart::default() }.into());
    let names: Vec<(&str, bool)> = accuracy.iter().map(|series| (series.name.as_str(), series.dashed)).collect();
    assert_eq!(names, [("main live", false), ("main validation", true)]);
    let quantity = "validation_accuracy".to_owned();
    let smooth = of(Chart { quantity, smoothing, ..Chart::default() }.into());
    assert_eq!(smooth[0].raw, accuracy[1].points, "where it is asked for alone it is smoothed");
}

#[test]
fn a_layers_statistic_is_the_mean_over_its_filters() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut chart = |filter: Option<u32>| {
        let cell = Cell::from(Chart {
            quantity: "weight_norm".into(),
            layer: Some("conv1".parse().unwrap()),
            filter: filter.map(FilterNumber),
            x: XAxis::Step,
            scale: Scale::Linear,
            ..Chart::default()
        });
        let Figure::Chart(chart) = cell.figure(&mut sources, &inputs(0)).unwrap() else { panic!("a chart") };
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
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let cell = Cell::from(Network { at: None, show: Show::Maps, trace: None });
    let Figure::Network(shown) = cell.figure(&mut sources, &inputs(30)).unwrap() else { panic!("a network") };
    let pixels: Vec<f32> = shown.columns[0].nodes.iter().flat_map(|node| node.image.clone().unwrap().pixels).collect();
    assert_eq!(pixels, expected.blocks[0].activations);
    let probabilities: Vec<f32> = shown.classes.iter().map(|class| class.value).collect();
    assert_eq!(probabilities, expected.blocks[1].activations);
    assert_eq!(shown.columns[0].nodes.iter().filter(|node| node.top_half).count(), 3);
    assert!(shown.columns[0].nodes.iter().all(|node| node.mean_abs_gradient.is_some()));
    // Computing the probe's maps anew gives the recorded bits.
    let reader = Lineage::open(&store, &"main".parse().unwrap()).unwrap().into_holder(Step(30)).unwrap();
    let dataset = Arc::new(data::load("digits", None).unwrap());
    let mut replay = Replay::new(reader).with_data(dataset, 1);
    assert_eq!(replay.look(Step(30), &[ImageIndex(7)]).unwrap(), expected);
    let other = Inputs { image: Some(ImageIndex(8).into()), ..inputs(30) };
    let Figure::Network(other) = cell.figure(&mut sources, &other).unwrap() else { panic!("a network") };
    assert_ne!(other.columns[0].nodes[0].image, shown.columns[0].nodes[0].image);
    assert!((other.classes.iter().map(|class| class.value).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn figures_of_a_branch_of_keyframes_are_those_of_one_with_every_step() {
    let (every, keyframes) = (recorded(Fidelity::Every), recorded(Fidelity::Keyframes));
    let layer: revacnn_schemas::LayerName = "conv1".parse().unwrap();
    let at = vec!["main@3".parse().unwrap(), "main@30".parse().unwrap()];
    let embedding = Embedding {
        at: at.clone(),
        layer: layer.clone(),
        of: Source::Gradients,
        method: Method::Tsne,
        perplexity: None,
        seed: 0,
        start: Start::Fresh,
    };
    let cells = [
        Cell::from(Network { at: None, show: Show::Coefficients, trace: None }),
        Filters { at: at.clone(), layer, of: Source::ActivationGradients }.into(),
        embedding.into(),
        Filter { at: None, layer: "softmax".parse().unwrap(), filter: FilterNumber(3), born: None }.into(),
        Compare { at, matching: Matching::Identity }.into(),
        Confusion::default().into(),
    ];
    for cell in cells {
        let figure = |folder: &tempfile::TempDir| {
            cell.figure(&mut Sources::open(folder.path(), None, 1).unwrap(), &inputs(21)).unwrap()
        };
        assert_eq!(figure(&every), figure(&keyframes), "{cell:?}");
    }
}

/// Only those with a column of their own could be charted.
#[test]
fn every_hyper_parameter_is_charted_by_its_name_and_an_error_names_those_that_have_values() {
    let chart = |quantity: &str| {
        Cell::from(Chart {
            quantity: quantity.into(),
            layer: None,
            filter: None,
            x: XAxis::Step,
            scale: Scale::Linear,
            ..Chart::default()
        })
    };
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    for (name, value) in [("learning_rate", 0.001_f32), ("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8)] {
        let Figure::Chart(chart) = chart(name).figure(&mut sources, &inputs(0)).unwrap() else { panic!("a chart") };
        assert_eq!((chart.series.len(), chart.series[0].points.len()), (1, 41), "{name}");
        assert!(chart.series[0].points.iter().all(|point| point[1] == f64::from(value)), "{name}");
        assert_eq!(chart.y.label, name.replace('_', " "));
    }
    // Those of other optimizers are not there; of this one all are named.
    for (absent, known) in [("rho", "zero_share, beta1, beta2, epsilon"), ("momentum", "beta1, beta2, epsilon")] {
        let error = chart(absent).figure(&mut sources, &inputs(0)).unwrap_err().to_string();
        assert!(error.contains(absent) && error.contains(known), "{error}");
    }
}

/// Format 1 has no column for those without one of their own.
#[test]
fn a_branch_of_format_1_has_no_other_hyper_parameters_and_says_so() {
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/../recorder/tests/stores/format-1");
    let folder = tempfile::tempdir().unwrap();
    revacnn_test_support::copy_folder(stored.as_ref(), &folder.path().join("runs"));
    let mut sources = Sources::open(&folder.path().join("runs"), None, 1).unwrap();
    let inputs = Inputs { branches: vec!["kf".parse().unwrap()], cursor: Step(0), ..Inputs::default() };
    let (layer, filter, x, scale) = (None, None, XAxis::Step, Scale::Linear);
    let rho = Cell::from(Chart { quantity: "rho".into(), layer, filter, x, scale, ..Chart::default() });
    let error = rho.figure(&mut sources, &inputs).unwrap_err().to_string();
    assert!(error.contains("no quantity `rho`") && error.contains("learning_rate"), "{error}");
}

#[test]
fn what_is_not_there_is_an_error_that_lists_what_is() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let chart = |quantity: &str, layer: Option<&str>| {
        Cell::from(Chart {
            quantity: quantity.into(),
            layer: layer.map(|layer| layer.parse().unwrap()),
            filter: None,
            x: XAxis::Step,
            scale: Scale::Linear,
            ..Chart::default()
        })
    };
    let filters = Cell::from(Filters { at: Vec::new(), layer: "conv9".parse().unwrap(), of: Source::Weights });
    for (cell, listed) in [
        (chart("lossy", None), "live_accuracy"),
        (chart("weight_norm", None), "name a layer"),
        (chart("weight_norm", Some("conv9")), "conv1"),
        (filters, "conv1"),
    ] {
        let error = cell.figure(&mut sources, &inputs(0)).unwrap_err().to_string();
        assert!(error.contains(listed), "{error}");
    }
}

#[test]
fn every_figure_is_drawn_with_the_same_bytes_twice() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let at = vec!["main@0".parse().unwrap(), "main@40".parse().unwrap()];
    let cells = [
        Cell::from(Loss { x: XAxis::Epoch, scale: Scale::Logarithmic, ..Loss::default() }),
        Network { at: None, show: Show::Maps, trace: None }.into(),
        Filter { at: None, layer: "conv1".parse().unwrap(), filter: FilterNumber(2), born: None }.into(),
        Compare { at, matching: Matching::Identity }.into(),
        Confusion::default().into(),
    ];
    for cell in cells {
        let figure = cell.figure(&mut sources, &inputs(40)).unwrap();
        for ending in ["svg", "png", "pdf"] {
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
    let figure = Cell::from(Confusion::default()).figure(&mut sources, &inputs(40)).unwrap();
    let error = render(&figure, &folder.path().join("x.gif")).unwrap_err().to_string();
    assert!(error.contains(".svg, .png or .pdf"), "{error}");
}
