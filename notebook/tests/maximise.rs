//! Images that excite filters most against what the filters say of them.

#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::Maximise;
use revacnn_notebook::{Cell, Inputs, NotebookError, Sources};
use revacnn_schemas::{Fidelity, Figure, FilterNumber, ImageGrid};
use revacnn_trainer::Settings;

use record::recorded_with;

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"pool\"\nkernel = 2\n\
     [[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\npad = 1\nactivation = \"relu\"\n[[layer]]\nkind = \"softmax\"\n";

fn cell(layer: &str) -> Maximise {
    Maximise { iterations: 60, ..Maximise::usual("main@30".parse().ok(), layer.parse().unwrap(), 2) }
}

fn figure(folder: &tempfile::TempDir, cell: &Maximise, threads: usize) -> Result<ImageGrid, NotebookError> {
    let mut sources = Sources::open(folder.path(), None, threads)?;
    match Cell::from(cell.clone()).figure(&mut sources, &Inputs::default())? {
        Figure::Images(grid) => Ok(grid),
        other => panic!("images, not {}", other.title()),
    }
}

#[test]
fn each_filter_has_a_row_of_what_it_sees_equal_in_every_fidelity_and_on_all_threads() {
    let [every, keyframes] = [Fidelity::Every, Fidelity::Keyframes]
        .map(|fidelity| recorded_with("digits", NETWORK, &Settings::default(), fidelity, 40));
    let found = figure(&every, &cell("conv2"), 1).unwrap();
    assert_eq!(found, figure(&keyframes, &cell("conv2"), 2).unwrap());
    assert_eq!(found.rows.len(), 3);
    for (filter, row) in found.rows.iter().enumerate() {
        assert!(row.label.starts_with(&format!("conv2/{filter}  ")), "{}", row.label);
        // Through a pool, 3 by 3 of 2 by 2 of 3 by 3.
        let sizes: Vec<_> = row.images.iter().flatten().map(|image| (image.rows, image.columns)).collect();
        assert_eq!(sizes, [(8, 8); 2]);
    }
    let whole = figure(&every, &Maximise { whole: true, ..cell("conv1") }, 1).unwrap();
    assert!(whole.rows[0].images.iter().flatten().all(|image| (image.rows, image.columns) == (8, 8)));
    let seen = figure(&every, &Maximise { filter: Some(FilterNumber(2)), ..cell("conv1") }, 1).unwrap();
    assert_eq!((seen.rows.len(), seen.rows[0].images[0].as_ref().map(|image| image.rows)), (1, Some(3)));
    // Classes are filters of the last layer.
    assert_eq!(figure(&every, &cell("softmax"), 1).unwrap().rows.len(), 10);
}

#[test]
fn what_there_is_not_is_named() {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 30);
    for (asked, said) in [
        (cell("pool1"), "pool1"),
        (Maximise { filter: Some(FilterNumber(9)), ..cell("conv1") }, "has no filter 9: there is 0, 1, 2, 3"),
        (Maximise { decay: 1.0, ..cell("conv1") }, "decay must be from 0 to below 1, found 1"),
        (Maximise { blur: 99.0, ..cell("conv1") }, "blur must be from 0 to 16 pixels, found 99"),
    ] {
        let refused = figure(&folder, &asked, 1).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}
