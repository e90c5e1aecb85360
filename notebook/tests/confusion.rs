//! Confusion matrices against counts of predictions one by one.

#[path = "support/fork.rs"]
mod fork;
#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::{Confusion, Predictions};
use revacnn_notebook::{Cell, ImageSplit, Inputs, NotebookError, Sources};
use revacnn_schemas::{Address, Fidelity, Figure, TableFigure};
use revacnn_trainer::Settings;

use fork::forked;
use record::recorded_with;

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";

/// Validated at steps 0, 20 and 40; a fork with its first step at 10.
fn recorded(fidelity: Fidelity) -> tempfile::TempDir {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), fidelity, 40);
    forked(folder.path(), "wider", 10, &["add-filter conv1"], 25);
    folder
}

fn at(text: &str) -> Option<Address> {
    Some(text.parse().unwrap())
}

fn table(folder: &tempfile::TempDir, cell: impl Into<Cell>) -> Result<TableFigure, NotebookError> {
    let mut sources = Sources::open(folder.path(), None, 1)?;
    match cell.into().figure(&mut sources, &Inputs::default())? {
        Figure::Table(table) => Ok(table),
        other => panic!("a table, not {}", other.title()),
    }
}

/// `[actual][predicted]` from the predictions of each image.
fn counted(folder: &tempfile::TempDir, at: &str, of: ImageSplit) -> Vec<Vec<i64>> {
    let (at, count) = (at.parse().ok(), 2_000);
    let all = Predictions { at, of, wrong: false, class: None, predicted: None, count, table: true };
    let mut counts = vec![vec![0; 10]; 10];
    for row in table(folder, all).unwrap().rows {
        let predicted = row[4].split(' ').next().unwrap();
        counts[row[1].parse::<usize>().unwrap()][predicted.parse::<usize>().unwrap()] += 1;
    }
    counts
}

fn numbers(table: &TableFigure) -> Vec<Vec<i64>> {
    let number = |text: &String| text.replace('−', "-").parse().unwrap();
    table.rows.iter().map(|row| row[1..].iter().map(number).collect()).collect()
}

#[test]
fn a_matrix_counts_what_is_predicted_recorded_or_computed() {
    for fidelity in [Fidelity::Every, Fidelity::Keyframes] {
        let folder = recorded(fidelity);
        for (place, of) in [
            ("main@20", ImageSplit::Validation),
            ("main@33", ImageSplit::Validation),
            ("main@33", ImageSplit::Test),
            ("wider@25", ImageSplit::Train),
        ] {
            let found = table(&folder, Confusion { at: at(place), less: None, of }).unwrap();
            assert_eq!(numbers(&found), counted(&folder, place, of), "{place}");
            let right: i64 = (0..10).map(|class| numbers(&found)[class][class]).sum();
            let images: i64 = numbers(&found).iter().flatten().sum();
            let said = format!("confusion of {place}: {:.1} % of ", 100.0 * right as f64 / images as f64);
            assert!(found.title.starts_with(&said) && found.notes.is_empty() && !found.signed, "{}", found.title);
        }
    }
}

#[test]
fn a_difference_is_by_how_many_images_more() {
    let folder = recorded(Fidelity::Every);
    for of in [ImageSplit::Validation, ImageSplit::Test] {
        let found = table(&folder, Confusion { at: at("wider@25"), less: at("main@33"), of }).unwrap();
        let (own, other) = (counted(&folder, "wider@25", of), counted(&folder, "main@33", of));
        let expected: Vec<Vec<i64>> =
            own.iter().zip(&other).map(|(own, other)| own.iter().zip(other).map(|(a, b)| a - b).collect()).collect();
        assert_eq!(numbers(&found), expected);
        assert!(found.signed && found.title.starts_with("confusion of wider@25 less main@33: "), "{}", found.title);
        let shades: Vec<f32> = found.shades.into_iter().flatten().collect();
        assert_eq!(shades.iter().map(|shade| shade.abs()).fold(0.0, f32::max), 1.0, "the largest is the darkest");
        for (shade, difference) in shades.iter().zip(expected.iter().flatten()) {
            assert_eq!(*shade == 0.0, *difference == 0);
            assert_eq!(*shade > 0.0, *difference > 0);
        }
    }
    let same = table(&folder, Confusion { at: at("main@33"), less: at("main@33"), of: ImageSplit::Test }).unwrap();
    assert!(same.shades.iter().flatten().all(|shade| *shade == 0.0) && same.title.contains(": 0 points"));
}
