//! Notebooks of older formats: they are read, and train what they trained, for ever.

use std::path::Path;

use revacnn_notebook::document::Document;
use revacnn_notebook::plan::{Place, Plan};
use revacnn_notebook::program::Program;
use revacnn_recorder::Resources;

/// The works of the corpus' trainings: content keys, with the edits and recordings that are
/// asked for. Another digest means that what is trained already would be trained again.
const WORKS: &str = include_str!("corpus/format-1.works");

#[test]
fn a_notebook_of_format_1_is_read_and_trains_what_it_trained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let text = std::fs::read_to_string(folder.join("format-1.md")).unwrap();
    let document = Document::parse(&*text);
    let program = Program::of(&document);
    assert_eq!(program.problems, []);
    assert_eq!((program.cursors.len(), program.inputs.len(), program.views.len()), (1, 3, 20));
    let resources = Resources::usual(&folder);
    let place =
        Place { folder: &folder, store: None, resources: &resources, read: &|_| Err("there is no file".to_owned()) };
    let plan = Plan::of(&document, &program, place).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let works: Vec<String> = program
        .trainings
        .iter()
        .zip(&plan.nodes)
        .map(|(training, node)| {
            let work = node.work.map_or_else(|| "-".to_owned(), |work| work.to_string());
            format!("{} {} {work}\n", training.name, node.until.map_or_else(|| "-".to_owned(), |step| step.to_string()))
        })
        .collect();
    assert!(works.concat() == WORKS, "found\n{}", works.concat());
}
