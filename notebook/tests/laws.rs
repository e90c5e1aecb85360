//! Laws: whatever was done to a graph and to the store beneath it, it shows what a
//! fresh one shows; and a cell that is written to a file is read as it was.

#[path = "support/record.rs"]
mod record;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use revacnn_notebook::kinds::{
    Beside, Chart, Compare, Confusion, Differences, Embedding, Family, Filter, Filters, FiltersOverTime, Histogram,
    ImageEmbedding, KINDS, Loss, Maximise, Network, Patches, Predict, Predictions, QUANTITIES, Query, Recorded,
    Regions, Results, Saliency, Samples, Start,
};
use revacnn_notebook::{
    Cell, Distribution, FilterMeasure, Graph, ImageSplit, Inputs, Kind, Matching, Method, Progress, Ran, Rank, Show,
    Smoothing, Source, Sources, XAxis,
};
use revacnn_schemas::{
    Address, BranchId, BranchName, Fidelity, FilterNumber, HistogramForm, ImageIndex, Limits, Scale, Step,
};
use revacnn_store::{BranchReader, Store};
use revacnn_test_support::copy_folder;
use revacnn_trainer::Settings;

use record::{record, recorded_with};

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";
const NAMES: [&str; 4] = ["one", "two", "three", "four"];
const BRANCHES: [&str; 3] = ["main", "other", "old"];

fn address() -> impl Strategy<Value = Address> {
    let position = prop_oneof![(0_u64..16).prop_map(|step| step.to_string()), Just("last".to_owned())];
    (0..3_usize, position).prop_map(|(branch, position)| format!("{}@{position}", BRANCHES[branch]).parse().unwrap())
}

fn cell() -> impl Strategy<Value = Cell> {
    let layer = || "conv1".parse().unwrap();
    let at = || proptest::option::of(address());
    let all = || proptest::collection::vec(address(), 0..3);
    let axis = || prop::sample::select(vec![XAxis::Step, XAxis::Images, XAxis::Epoch, XAxis::Fork]);
    let scale = || prop::sample::select(vec![Scale::Linear, Scale::Logarithmic]);
    let limits = || {
        (proptest::option::of(-1.0..1.0), proptest::option::of(1.5..9.0)).prop_map(|(low, high)| Limits { low, high })
    };
    let smoothing = || prop::sample::select(["0", "0.6"].map(|weight| weight.parse::<Smoothing>().unwrap()).to_vec());
    let within = || proptest::option::of((0_u64..9, 9_u64..16).prop_map(|(first, last)| [Step(first), Step(last)]));
    let of = || {
        let tensors = [Source::Weights, Source::Gradients, Source::Activations, Source::ActivationGradients];
        prop::sample::select(tensors.to_vec())
    };
    let start = prop_oneof![Just(Start::Fresh), (0_u64..16).prop_map(|step| Start::From(Step(step)))];
    let place = (prop::sample::select(vec![Method::Tsne, Method::Pca]), proptest::option::of(1.0..3.0), 0..3_u64);
    let show = prop::sample::select(vec![Show::Maps, Show::Coefficients]);
    let matching = prop::sample::select(vec![Matching::Identity, Matching::Assignment]);
    let quantity = prop::sample::select(QUANTITIES.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    let born = prop::sample::select(vec![None, Some("b0123456789abcde".parse::<BranchId>().unwrap())]);
    let families = || {
        let members = || BRANCHES[..2].iter().map(|name| name.parse::<BranchName>().unwrap()).collect();
        any::<bool>().prop_map(move |family| match family {
            true => vec![Family { name: "both".parse().unwrap(), members: members() }],
            false => Vec::new(),
        })
    };
    let axes = || ((axis(), scale(), limits()), (smoothing(), within()), families());
    prop_oneof![
        axes().prop_map(|((x, scale, limits), (smoothing, within), families)| Loss {
            x,
            scale,
            limits,
            smoothing,
            within,
            families
        }
        .into()),
        (quantity, any::<[bool; 2]>(), axes()).prop_map(
            move |(quantity, [of_layer, one], ((x, scale, limits), (smoothing, within), families))| {
                let (layer, filter) = (of_layer.then(layer), one.then_some(FilterNumber(1)));
                Chart { quantity, layer, filter, x, scale, limits, smoothing, within, families }.into()
            }
        ),
        (families(), any::<bool>()).prop_map(move |(families, of_layer)| Results {
            families,
            layer: of_layer.then(layer)
        }
        .into()),
        (address(), address(), matching.clone()).prop_map(|(left, right, matching)| Differences {
            at: [left, right],
            matching
        }
        .into()),
        (address(), any::<bool>(), proptest::option::of(0..6_u32)).prop_map(move |(at, of_layer, filter)| {
            Recorded { at, layer: of_layer.then(layer), filter: filter.filter(|_| of_layer).map(FilterNumber) }.into()
        }),
        (0..16_u64).prop_map(|step| {
            let sql = format!(
                "SELECT branch, COUNT(*) AS steps FROM steps WHERE step <= {step} GROUP BY branch ORDER BY branch"
            );
            Query { title: "steps".to_owned(), sql }.into()
        }),
        (at(), show).prop_map(|(at, show)| Network { at, show, trace: None }.into()),
        (all(), of()).prop_map(move |(at, of)| Filters { at, layer: layer(), of }.into()),
        (at(), 0..6_u32, born).prop_map(move |(at, number, born)| {
            Filter { at, layer: layer(), filter: FilterNumber(number), born }.into()
        }),
        (all(), of(), place, start).prop_map(move |(at, of, (method, perplexity, seed), start)| {
            Embedding { at, layer: layer(), of, method, perplexity, seed, start }.into()
        }),
        (within(), any::<[bool; 2]>(), proptest::option::of(Just([-0.5, 0.25]))).prop_map(
            move |(within, [of_updates, is_heat], range)| {
                let of = if of_updates { Distribution::Updates } else { Distribution::Weights };
                let form = if is_heat { HistogramForm::Heat } else { HistogramForm::Ridges };
                Histogram { layer: layer(), of, form, within, range, bins: 9 }.into()
            }
        ),
        (within(), axis(), any::<bool>()).prop_map(move |(within, x, of_dead)| {
            let of = if of_dead { FilterMeasure::Dead } else { FilterMeasure::Similarity };
            FiltersOverTime { layer: layer(), of, x, within }.into()
        }),
        (all(), at(), proptest::bool::ANY).prop_map(move |(at, reference, is_pca)| {
            let (of, method) = (ImageSplit::Test, if is_pca { Method::Pca } else { Method::Tsne });
            ImageEmbedding { at, reference, layer: layer(), of, count: 12, method, perplexity: None, seed: 1 }.into()
        }),
        (all(), matching).prop_map(|(at, matching)| Compare { at, matching }.into()),
        (at(), at(), any::<bool>()).prop_map(|(at, less, is_of_test)| {
            let of = if is_of_test { ImageSplit::Test } else { ImageSplit::Validation };
            Confusion { at, less, of }.into()
        }),
        (all(), 1..4_u32, 0..3_u64)
            .prop_map(|(at, lines, seed)| { Regions { at, of: ImageSplit::Test, lines, points: 3, seed }.into() }),
        (at(), 0..3_u64)
            .prop_map(move |(at, seed)| { Maximise { seed, iterations: 5, ..Maximise::usual(at, layer(), 1) }.into() }),
        (all(), 1..4_u32, any::<bool>()).prop_map(|(at, top, table)| Predict { at, top, table }.into()),
        (at(), any::<[bool; 3]>()).prop_map(|(at, [wrong, of_class, table])| {
            let class = of_class.then(|| "3".to_owned());
            Predictions { at, of: ImageSplit::Validation, wrong, class, predicted: None, count: 4, table }.into()
        }),
        (at(), any::<[bool; 2]>()).prop_map(|(at, [forgotten, table])| {
            let by = if forgotten { Rank::Forgotten } else { Rank::Hardest };
            Samples { at, by, class: None, count: 4, table }.into()
        }),
        (at(), any::<bool>()).prop_map(move |(at, whole)| {
            Patches { at, layer: layer(), filter: None, of: ImageSplit::Test, count: 2, whole }.into()
        }),
        at().prop_map(|at| Saliency { at, of: ImageSplit::Train, class: None }.into()),
        (0..4_usize, 0..4_usize)
            .prop_map(|(one, other)| Beside { cells: [NAMES[one], NAMES[other]].map(str::to_owned) }.into()),
    ]
}

/// A kind that [`cell`] never makes would keep none of these laws.
#[test]
fn the_laws_are_about_cells_of_every_kind() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let made: BTreeSet<&str> = (0..500).map(|_| cell().new_tree(&mut runner).unwrap().current().kind()).collect();
    assert_eq!(made, KINDS.iter().map(Kind::name).collect());
}

/// Something that a person, or another process, does.
#[derive(Debug, Clone)]
enum Change {
    Cell(usize, Cell),
    Remove(usize),
    Cursor(u64),
    Image(Option<u32>),
    Branches(Vec<usize>),
    Train(u64),
    Rename(usize, usize),
    Delete(usize),
    TakeBack(usize),
    Run,
    /// Runs until so many parts are done.
    GiveUp(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..4_usize, cell()).prop_map(|(name, cell)| Change::Cell(name, cell)),
        1 => (0..4_usize).prop_map(Change::Remove),
        2 => (0..20_u64).prop_map(Change::Cursor),
        1 => proptest::option::of(5..9_u32).prop_map(Change::Image),
        2 => proptest::collection::vec(0..3_usize, 0..3).prop_map(Change::Branches),
        1 => (1..4_u64).prop_map(Change::Train),
        2 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Change::Rename(from, to)),
        1 => (0..3_usize).prop_map(Change::Delete),
        1 => (0..3_usize).prop_map(Change::TakeBack),
        3 => Just(Change::Run),
        1 => (0..3_usize).prop_map(Change::GiveUp),
    ]
}

fn name(place: usize) -> BranchName {
    BRANCHES[place].parse().unwrap()
}

fn template() -> &'static tempfile::TempDir {
    static TEMPLATE: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 14);
        let store = Store::open(folder.path()).unwrap();
        let settings = Settings { seed: 9, ..Settings::default() };
        record(&store, "other", "digits", NETWORK, &settings, Fidelity::Keyframes, 12);
        folder
    })
}

/// Does something; what the store refuses is not done.
fn apply(change: &Change, store: &Store, graph: &mut Graph, sources: &mut Sources) {
    match change {
        Change::Cell(name, cell) => graph.set_cell(NAMES[*name], cell.clone()),
        Change::Remove(name) => graph.remove_cell(NAMES[*name]),
        Change::Cursor(step) => graph.set_cursor(Step(*step)),
        Change::Image(image) => graph.set_image(image.map(|image| ImageIndex(image).into())),
        Change::Branches(branches) => graph.set_branches(branches.iter().map(|place| name(*place)).collect()),
        Change::Run => drop(graph.run(sources)),
        Change::GiveUp(most) => {
            let mut parts = 0;
            let mut watch = |_: Progress| {
                parts += 1;
                if parts > *most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            while graph.run_one(sources, &mut watch, &mut Ran::default()) {}
        }
        Change::Train(_) | Change::Rename(..) | Change::Delete(_) | Change::TakeBack(_) => {
            sources.rest();
            match change {
                Change::Train(steps)
                    if store
                        .branch(&name(0))
                        .is_ok_and(|main| main.definition().is_some_and(|definition| definition.seed == 0)) =>
                {
                    let last = BranchReader::open(store, &name(0)).unwrap().steps().unwrap().last;
                    record(store, "main", "digits", NETWORK, &Settings::default(), Fidelity::Every, last.0 + steps);
                }
                Change::Rename(from, to) => drop(store.rename(&name(*from), &name(*to))),
                Change::Delete(branch) => drop(store.delete(&name(*branch))),
                Change::TakeBack(branch) => drop(store.take_back(&name(*branch))),
                _ => {}
            }
            sources.refresh().unwrap();
            graph.log_changed(sources);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_graph_shows_what_a_fresh_graph_shows(changes in proptest::collection::vec(change(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(template().path(), folder.path());
        let store = Store::open(folder.path()).unwrap();
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let mut graph = Graph::new(Inputs { branches: vec![name(0)], ..Inputs::default() });
        for change in &changes {
            apply(change, &store, &mut graph, &mut sources);
        }
        graph.run(&mut sources);
        let mut fresh_sources = Sources::open(folder.path(), None, 1).unwrap();
        let mut fresh = Graph::new(graph.inputs().clone());
        for change in &changes {
            match change {
                Change::Cell(name, cell) => fresh.set_cell(NAMES[*name], cell.clone()),
                Change::Remove(name) => fresh.remove_cell(NAMES[*name]),
                _ => {}
            }
        }
        fresh.run(&mut fresh_sources);
        for cell in NAMES {
            let shown = |graph: &Graph| {
                graph.figure(cell).map(|outcome| outcome.cloned().map_err(ToString::to_string))
            };
            prop_assert_eq!(shown(&graph), shown(&fresh), "{}", cell);
        }
    }
}

proptest! {
    #[test]
    fn a_cell_that_is_written_is_read_as_it_was(cell in cell()) {
        let text = serde_json::to_string(&cell).unwrap();
        prop_assert_eq!(serde_json::from_str::<Cell>(&text).unwrap(), cell, "{}", text);
    }
}

#[test]
fn a_cell_of_no_kind_is_refused_with_those_that_there_are() {
    let error = |text: &str| serde_json::from_str::<Cell>(text).unwrap_err().to_string();
    assert!(error(r#"{"kind":"pie"}"#).contains("beside, chart, compare"));
    assert!(error(r#"{"at":null}"#).contains("expected a cell with its `kind`"));
    assert!(error(r#"{"kind":"confusion","at":null,"colour":1}"#).contains("unknown field `colour`"));
}
