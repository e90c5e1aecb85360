//! Decision regions as numbers.

#[path = "support/fork.rs"]
mod fork;
#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::{Confusion, Regions};
use revacnn_notebook::{Cell, ImageSplit, Inputs, NotebookError, Sources};
use revacnn_schemas::{Fidelity, Figure, TableFigure};
use revacnn_store::Store;
use revacnn_trainer::Settings;

use fork::forked;
use record::{record, recorded_with};

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";

fn cell(at: &[&str]) -> Regions {
    let at = at.iter().map(|at| at.parse().unwrap()).collect();
    Regions { at, of: ImageSplit::Validation, lines: 12, points: 9, seed: 0 }
}

fn table(folder: &tempfile::TempDir, cell: &Regions, threads: usize) -> Result<TableFigure, NotebookError> {
    let mut sources = Sources::open(folder.path(), None, threads)?;
    match Cell::from(cell.clone()).figure(&mut sources, &Inputs::default())? {
        Figure::Table(table) => Ok(table),
        other => panic!("a table, not {}", other.title()),
    }
}

fn percent(text: &str) -> f64 {
    text.strip_suffix(" %").unwrap().parse().unwrap()
}

#[test]
fn classes_share_out_the_space_alike_in_every_fidelity_and_on_all_threads() {
    let [every, keyframes] = [Fidelity::Every, Fidelity::Keyframes]
        .map(|fidelity| recorded_with("digits", NETWORK, &Settings::default(), fidelity, 60));
    let found = table(&every, &cell(&["main@50"]), 1).unwrap();
    assert_eq!(found, table(&keyframes, &cell(&["main@50"]), 2).unwrap());
    let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, found.rows.len()), (vec!["class", "right", "stay", "space"], 11));
    let space: f64 = found.rows[..10].iter().map(|row| percent(&row[3])).sum();
    assert!((space - 100.0).abs() < 0.6, "{space}");
    let lines: u64 = found.rows[..10].iter().map(|row| row[1].parse::<u64>().unwrap()).sum();
    assert_eq!(found.rows[10][..2], ["all".to_owned(), lines.to_string()]);
    assert!(lines > 20 && lines <= 120, "{lines}");
    // A straight line between two images of a digit is a blend of the two: most stay.
    assert!(percent(&found.rows[10][2]) > 50.0, "{:?}", found.rows[10]);
    assert!(found.notes[0].starts_with("main@50: on the way from one class to another "), "{:?}", found.notes);
}

/// Lines between the images of other data are other lines.
#[test]
fn steps_of_other_data_are_not_compared() {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 20);
    let store = Store::open(folder.path()).unwrap();
    record(&store, "other", "shapes", NETWORK, &Settings::default(), Fidelity::Every, 10);
    let refused = table(&folder, &cell(&["main@10", "other@10"]), 1).unwrap_err().to_string();
    assert!(refused.contains("other@10 is of other data than main@10"), "{refused}");
    let confusion = Confusion { at: "main@10".parse().ok(), less: "other@10".parse().ok(), of: ImageSplit::Test };
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let refused = Cell::from(confusion).figure(&mut sources, &Inputs::default()).unwrap_err().to_string();
    assert!(refused.contains("a difference is one of the same images"), "{refused}");
}

/// What differs between two steps is the networks', for the lines are the same.
#[test]
fn steps_side_by_side_say_what_each_says_alone() {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 60);
    forked(folder.path(), "wider", 40, &["add-filter conv1"], 15);
    let [main, wider, both] =
        [&["main@20"][..], &["wider@55"], &["main@20", "wider@55"]].map(|at| table(&folder, &cell(at), 1).unwrap());
    assert_eq!(both.columns[1].name, "main@20 right");
    assert_eq!(both.columns[6].name, "wider@55 space");
    for ((row, main), wider) in both.rows.iter().zip(&main.rows).zip(&wider.rows) {
        assert_eq!((&row[..4], &row[4..]), (&main[..], &wider[1..]));
    }
    let other = table(&folder, &Regions { seed: 1, ..cell(&["main@20"]) }, 1).unwrap();
    assert_ne!(other.rows, main.rows);
}
