//! What becomes of filters over the steps, against findings of the log's tensors and filters that
//! were planted.

#[path = "support/record.rs"]
mod record;

use std::ops::ControlFlow;
use std::path::Path;

use ndarray::ArrayView2;
use revacnn_analysis::{colour_shares, effective_number, nearest_neighbours};
use revacnn_notebook::kinds::FiltersOverTime;
use revacnn_notebook::{
    Cell, FilterMeasure, Graph, Inputs, NotebookError, Progress, Ran, Sources, Watch, XAxis, render,
};
use revacnn_recorder::{ForkPlan, Replay, fork};
use revacnn_schemas::{Change, Chart, Edit, Fidelity, Figure, FilterNumber, MarkKind, Step};
use revacnn_store::{Lineage, Store};
use revacnn_test_support::{SmallRun, advance, name};
use revacnn_trainer::Settings;

use record::recorded_with;

fn recorded(dataset: &str, filters: usize, fidelity: Fidelity, steps: u64) -> tempfile::TempDir {
    let network = format!(
        "[[layer]]\nkind = \"conv\"\nfilters = {filters}\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
         [[layer]]\nkind = \"pool\"\nkernel = 2\n[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n\
         [[layer]]\nkind = \"softmax\"\n"
    );
    recorded_with(dataset, &network, &Settings::default(), fidelity, steps)
}

fn cell(of: FilterMeasure) -> FiltersOverTime {
    FiltersOverTime { layer: "conv1".parse().unwrap(), of, x: XAxis::Step, within: None }
}

fn figure(folder: &Path, cell: &FiltersOverTime, branches: &[&str]) -> Result<Chart, NotebookError> {
    let mut sources = Sources::open(folder, None, 1)?;
    let branches = branches.iter().map(|name| name.parse().unwrap()).collect();
    let inputs = Inputs { branches, cursor: Step(0), ..Inputs::default() };
    match Cell::from(cell.clone()).figure(&mut sources, &inputs)? {
        Figure::Chart(chart) => Ok(chart),
        other => panic!("a chart, not {}", other.title()),
    }
}

fn weights(folder: &Path, branch: &str, step: Step) -> Vec<f32> {
    let store = Store::open(folder).unwrap();
    let reader = Lineage::open(&store, &branch.parse().unwrap()).unwrap().into_holder(step).unwrap();
    Replay::new(reader).tensors(step).unwrap().parameters[0].weights.clone()
}

/// Forks `main` at a step, gives filters of its first layer such coefficients and biases, and trains
/// the fork some steps on.
fn set(store: &Path, to: &str, at: u64, filters: &[(u32, [f32; 9], f32)], steps: u64) {
    let edits = filters.iter().map(|(filter, values, bias)| {
        let (layer, filter) = ("conv1".parse().unwrap(), FilterNumber(*filter));
        Edit::new(Change::SetWeights { layer, filter, values: values.to_vec(), shape: None, bias: Some(*bias) })
    });
    let plan = ForkPlan { name: Some(name(to)), edits: edits.collect(), fidelity: None, stays: false };
    let store = Store::open(store).unwrap();
    let lineage = Lineage::open(&store, &name("main")).unwrap();
    let mut session = fork(&store, lineage, Step(at), plan, &SmallRun::default().resources()).unwrap().session;
    advance(&mut session, at + steps);
    session.finish().unwrap();
}

#[test]
fn points_are_findings_of_the_recorded_coefficients_at_evenly_spread_steps() {
    let folder = recorded("shapes", 6, Fidelity::Every, 150);
    for of in [FilterMeasure::Distinct, FilterMeasure::Similarity, FilterMeasure::Colour] {
        let chart = figure(folder.path(), &cell(of), &["main"]).unwrap();
        let [series] = &chart.series[..] else { panic!("a curve") };
        assert_eq!(series.points.len(), 120);
        assert!(chart.notes.contains(&"main: 120 of 151 steps, evenly spread".to_owned()), "{:?}", chart.notes);
        assert_eq!((series.points[0][0], series.points[119][0]), (0.0, 150.0));
        assert!(series.points.windows(2).all(|pair| (1.0..=2.0).contains(&(pair[1][0] - pair[0][0]))));
        for place in [0, 60, 119] {
            let found = weights(folder.path(), "main", Step(series.points[place][0] as u64));
            let array = ArrayView2::from_shape((6, found.len() / 6), &found).unwrap();
            let each: Vec<f64> = match of {
                FilterMeasure::Distinct => vec![effective_number(array).unwrap()],
                FilterMeasure::Similarity => {
                    nearest_neighbours(array).unwrap().iter().map(|nearest| nearest.unwrap().similarity).collect()
                }
                _ => colour_shares(array, 3).unwrap(),
            };
            let mean = each.iter().sum::<f64>() / each.len() as f64;
            assert_eq!(series.points[place][1], mean, "{of:?} at {place}");
            if of != FilterMeasure::Distinct {
                let [low, high] = series.bounds[place];
                assert!(each.iter().all(|value| (low..=high).contains(value)) && each.contains(&low));
            }
        }
    }
}

#[test]
fn two_equal_filters_count_as_one_distinct() {
    let folder = recorded("digits", 2, Fidelity::Every, 12);
    let values = [1.0, -2.0, 3.0, 0.5, 0.0, -1.0, 2.0, 0.25, 1.5];
    set(folder.path(), "same", 10, &[(0, values, 0.0), (1, values, 0.0)], 0);
    let at = |of| {
        let chart = figure(folder.path(), &cell(of), &["main", "same"]).unwrap();
        let [main, same] = &chart.series[..] else { panic!("two curves") };
        assert_eq!((main.points.len(), same.points.len()), (13, 1), "of the fork its own steps alone");
        [main.points[10][1], same.points[0][1]]
    };
    let [main, same] = at(FilterMeasure::Distinct);
    assert!(main > 1.0 && main <= 2.0 && (same - 1.0).abs() < 1e-9, "{main} {same}");
    let [main, same] = at(FilterMeasure::Similarity);
    assert!(main < 0.999 && (same - 1.0).abs() < 1e-12, "{main} {same}");
}

#[test]
fn a_filter_that_was_made_to_die_is_found_with_its_step_in_every_fidelity() {
    for fidelity in [Fidelity::Every, Fidelity::Keyframes] {
        let folder = recorded("digits", 4, fidelity, 20);
        set(folder.path(), "dead", 10, &[(2, [0.1; 9], -1e6)], 8);
        let chart = figure(folder.path(), &cell(FilterMeasure::Dead), &["dead"]).unwrap();
        let [series] = &chart.series[..] else { panic!("a curve") };
        let expected: Vec<[f64; 2]> = (0..=18).map(|step| [f64::from(step), f64::from(u8::from(step >= 10))]).collect();
        assert_eq!(series.points, expected, "of the ancestor's steps and its own");
        assert!(
            chart.notes.iter().any(|note| note == "dead: 1 of 4 filters dead at the last step: 2 since step 10"),
            "{:?}",
            chart.notes
        );
        let marks: Vec<(f64, &str)> = chart
            .marks
            .iter()
            .filter(|mark| mark.kind == MarkKind::Event && mark.text.ends_with(" dead"))
            .map(|mark| (mark.x, mark.text.as_str()))
            .collect();
        assert_eq!(marks, [(10.0, "conv1/2 dead")]);
        // A fork of the fork, of which its own steps alone are shown, knows when its filter died.
        let store = Store::open(folder.path()).unwrap();
        SmallRun::default().fork(&store, ("dead", 14), "later", &["set learning_rate 0.002"], 17);
        let both = figure(folder.path(), &cell(FilterMeasure::Dead), &["main", "dead", "later"]).unwrap();
        let later = "later: 1 of 4 filters dead at the last step: 2 since step 10";
        assert!(both.notes.iter().any(|note| note == later), "{:?}", both.notes);
        assert!(both.notes.iter().any(|note| note == "main: none of 4 filters is dead at the last step"));
        assert_eq!(both.series[2].points, (14..=17).map(|step| [f64::from(step), 1.0]).collect::<Vec<_>>());
        assert_eq!(both.marks.iter().filter(|mark| mark.text.ends_with(" dead")).count(), 1, "a death has one mark");
    }
}

#[test]
fn what_cannot_be_followed_is_named() {
    let folder = recorded("digits", 1, Fidelity::Every, 5);
    let says = |cell: FiltersOverTime| figure(folder.path(), &cell, &["main"]).unwrap_err().to_string();
    let alone = says(cell(FilterMeasure::Similarity));
    assert!(alone.contains("no filter beside another one: it has one alone"), "{alone}");
    let grey = says(cell(FilterMeasure::Colour));
    assert!(grey.contains("reads no images in three colours: its images have 1 channel"), "{grey}");
    let later = says(FiltersOverTime { within: Some([Step(7), Step(9)]), ..cell(FilterMeasure::Distinct) });
    assert!(later.contains("no steps from 7 to 9: `main` has steps 0 to 5"), "{later}");
    for of in [FilterMeasure::Distinct, FilterMeasure::Dead] {
        let unknown = says(FiltersOverTime { layer: "conv9".parse().unwrap(), ..cell(of) });
        assert!(unknown.contains("conv9"), "{unknown}");
    }
    let colour = recorded("shapes", 2, Fidelity::Every, 3);
    let second = FiltersOverTime { layer: "conv2".parse().unwrap(), ..cell(FilterMeasure::Colour) };
    let second = figure(colour.path(), &second, &["main"]).unwrap_err().to_string();
    assert!(second.contains("conv1 does"), "{second}");
}

#[test]
fn it_is_drawn_alike_twice_and_can_be_given_up() {
    struct GivesUp;
    impl Watch for GivesUp {
        fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
            if progress.done > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let folder = recorded("shapes", 3, Fidelity::Every, 12);
    for of in [FilterMeasure::Distinct, FilterMeasure::Similarity, FilterMeasure::Colour, FilterMeasure::Dead] {
        let cell = FiltersOverTime { within: Some([Step(2), Step(9)]), ..cell(of) };
        let chart = figure(folder.path(), &cell, &["main"]).unwrap();
        assert_eq!(
            chart.series[0].points.iter().map(|point| point[0]).collect::<Vec<_>>(),
            [2., 3., 4., 5., 6., 7., 8., 9.]
        );
        let drawn = [0, 1].map(|time| {
            let path = folder.path().join(format!("{time}.png"));
            render(&Figure::Chart(chart.clone()), &path).unwrap();
            std::fs::read(path).unwrap()
        });
        assert!(drawn[0] == drawn[1] && drawn[0].len() > 1000, "{of:?}");
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let inputs = Inputs { branches: vec!["main".parse().unwrap()], ..Inputs::default() };
        let mut graph = Graph::new(inputs);
        graph.set_cell("filters", cell);
        let finished = graph.run_one(&mut sources, &mut GivesUp, &mut Ran::default());
        assert!(!finished && graph.figure("filters").is_none(), "{of:?} went on");
    }
}
