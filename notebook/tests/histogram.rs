//! Histograms over steps against counts of the log's values by hand.

#[path = "support/fork.rs"]
mod fork;
#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::Histogram;
use revacnn_notebook::{Cell, Distribution, Inputs, NotebookError, Sources, render};
use revacnn_recorder::Replay;
use revacnn_schemas::{Fidelity, Figure, HistogramForm, HistogramPanel, Histograms, Step};
use revacnn_store::{Lineage, StepTensors, Store};
use revacnn_trainer::Settings;

use fork::forked;
use record::recorded_with;

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";

fn recorded() -> tempfile::TempDir {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 40);
    forked(folder.path(), "wider", 10, &["add-filter conv1"], 5);
    folder
}

fn cell(of: Distribution) -> Histogram {
    let (layer, form) = ("conv1".parse().unwrap(), HistogramForm::Ridges);
    Histogram { layer, of, form, within: None, range: None, bins: 17 }
}

fn figure(folder: &tempfile::TempDir, cell: &Histogram, branches: &[&str]) -> Result<Histograms, NotebookError> {
    let mut sources = Sources::open(folder.path(), None, 1)?;
    let branches = branches.iter().map(|name| name.parse().unwrap()).collect();
    let inputs = Inputs { branches, cursor: Step(0), ..Inputs::default() };
    match Cell::from(cell.clone()).figure(&mut sources, &inputs)? {
        Figure::Histograms(figure) => Ok(figure),
        other => panic!("histograms, not {}", other.title()),
    }
}

fn tensors(folder: &tempfile::TempDir, branch: &str, step: Step) -> StepTensors {
    let store = Store::open(folder.path()).unwrap();
    let reader = Lineage::open(&store, &branch.parse().unwrap()).unwrap().into_holder(step).unwrap();
    Replay::new(reader).tensors(step).unwrap()
}

/// As NumPy counts: between two edges lies what is at least the lower and below the upper one, and
/// the last bin has both.
fn counted(figure: &Histograms, values: &[f32]) -> Vec<u64> {
    let ([low, high], bins) = (figure.range, figure.bins as usize);
    let edge = |bin: usize| if bin == bins { high } else { low + (high - low) / bins as f64 * bin as f64 };
    let is_in =
        |bin: usize, value: f64| edge(bin) <= value && (value < edge(bin + 1) || (bin + 1 == bins && value == high));
    let count = |bin| values.iter().filter(|value| is_in(bin, f64::from(**value))).count() as u64;
    (0..bins).map(count).collect()
}

fn steps(panel: &HistogramPanel) -> Vec<u64> {
    panel.steps.iter().map(|step| step.step.0).collect()
}

#[test]
fn every_count_is_that_of_the_logs_values_between_edges_that_all_steps_have_in_common() {
    let folder = recorded();
    for of in [Distribution::Weights, Distribution::Gradients, Distribution::Updates, Distribution::Activations] {
        let found = figure(&folder, &cell(of), &["main"]).unwrap();
        let [panel] = &found.panels[..] else { panic!("a panel") };
        // 24 of 41 steps, the first and the last among them; no update led to step 0.
        let shown = steps(panel);
        let first = if matches!(of, Distribution::Gradients | Distribution::Updates) { 2 } else { 0 };
        assert_eq!((shown[0], shown[shown.len() - 1]), (first, 40), "{of}: {shown:?}");
        assert_eq!(shown.len(), if first == 0 { 24 } else { 23 });
        assert!(found.notes.iter().any(|note| note == "main: 24 of 41 steps, evenly spread"), "{:?}", found.notes);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for step in &panel.steps {
            let now = tensors(&folder, "main", step.step);
            let layer = |tensors: &StepTensors| tensors.parameters[0].clone();
            let values = match of {
                Distribution::Weights => layer(&now).weights,
                Distribution::Gradients => layer(&now).gradients.unwrap().weights,
                Distribution::Updates => {
                    let before = layer(&tensors(&folder, "main", Step(step.step.0 - 1))).weights;
                    layer(&now).weights.iter().zip(before).map(|(now, before)| now - before).collect()
                }
                _ => now.blocks[0].activations.clone(),
            };
            assert_eq!(step.counts, counted(&found, &values), "{of} at {}", step.step);
            assert_eq!((step.values(), step.below, step.above), (values.len() as u64, 0, 0), "{of}");
            low = values.iter().fold(low, |low, value| low.min((*value).into()));
            high = values.iter().fold(high, |high, value| high.max((*value).into()));
        }
        assert_eq!(found.range, [low, high], "{of}");
    }
}

#[test]
fn a_closer_look_is_by_steps_and_values_and_says_what_lies_outside() {
    let folder = recorded();
    let within = Some([Step(3), Step(12)]);
    let closer = Histogram { within, range: Some([-0.1, 0.1]), ..cell(Distribution::Weights) };
    let found = figure(&folder, &closer, &["main"]).unwrap();
    assert_eq!(steps(&found.panels[0]), (3..=12).collect::<Vec<_>>());
    let outside: u64 = found.panels[0].steps.iter().map(|step| step.below + step.above).sum();
    assert!(outside > 0 && found.notes.contains(&format!("{outside} values lie outside")), "{:?}", found.notes);
    let says = |cell: Histogram| figure(&folder, &cell, &["main"]).unwrap_err().to_string();
    let later = says(Histogram { within: Some([Step(70), Step(80)]), ..cell(Distribution::Weights) });
    assert!(later.contains("no steps from 70 to 80: it has steps 0 to 40"), "{later}");
    let none = says(Histogram { layer: "conv9".parse().unwrap(), ..cell(Distribution::Weights) });
    assert!(none.contains("no branch has a layer `conv9` with filters: there is conv1"), "{none}");
    let first = says(Histogram { within: Some([Step(0), Step(0)]), ..cell(Distribution::Updates) });
    assert!(first.contains("has updates of conv1"), "{first}");
}

#[test]
fn branches_have_their_bins_in_common_and_an_edit_is_no_update() {
    let folder = recorded();
    let within = Some([Step(8), Step(15)]);
    let cell = Histogram { within, ..cell(Distribution::Updates) };
    let found = figure(&folder, &cell, &["wider", "main"]).unwrap();
    let [wider, main] = &found.panels[..] else { panic!("two panels") };
    assert_eq!((wider.name.as_str(), steps(wider)), ("wider", vec![8, 9, 11, 12, 13, 14, 15]));
    assert_eq!(steps(main), (8..=15).collect::<Vec<_>>());
    let values = |panel: &HistogramPanel, at: usize| panel.steps[at].values();
    assert_eq!((values(wider, 1), values(wider, 2), values(main, 0)), (36, 45, 36), "a filter more from the fork on");
    assert_eq!(wider.steps[0], main.steps[0], "what they share");
}

#[test]
fn both_forms_are_drawn_with_the_same_bytes_twice() {
    let folder = recorded();
    for form in [HistogramForm::Ridges, HistogramForm::Heat] {
        let cell = Histogram { form, ..cell(Distribution::Activations) };
        let figure = Figure::Histograms(figure(&folder, &cell, &["main", "wider"]).unwrap());
        for ending in ["svg", "png", "pdf"] {
            let drawn = [0, 1].map(|time| {
                let path = folder.path().join(format!("{time}.{ending}"));
                render(&figure, &path).unwrap();
                std::fs::read(path).unwrap()
            });
            assert!(drawn[0] == drawn[1] && drawn[0].len() > 1000, "{form:?} {ending}");
        }
    }
}
