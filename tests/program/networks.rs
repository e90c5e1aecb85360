//! `networks`: what there is, and what one measures.

use crate::support::Scratch;

#[test]
fn networks_are_listed_with_what_they_cost() {
    let scratch = Scratch::new();
    let listed = scratch.run(0, "networks").out;
    let line = |name: &str| {
        let found = listed.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{name}: {listed}")).to_owned()
    };
    assert!(line("paper").contains("22,466") && line("paper").contains("3,920,"), "{listed}");
    assert!(line("alexnet").contains("1,387,786"), "{listed}");
    let json = scratch.run(0, "networks --json --input 1x28x28").out;
    assert!(json.lines().any(|line| line.contains("\"lenet\"") && line.contains("61706")), "{json}");
    // LeNet takes no images of 8 × 8.
    let small = scratch.run(0, "networks --json --input 1x8x8").out;
    assert!(small.lines().any(|line| line.contains("\"lenet\"") && line.contains("\"parameters\":null")), "{small}");
}

#[test]
fn the_layers_of_a_network_are_shown_and_what_it_refuses_is_told() {
    let scratch = Scratch::new();
    let shown = scratch.run(0, "networks lenet --input 1x28x28").out;
    for words in ["conv1", "conv 5×5, tanh", "6×28×28", "61,706 parameters"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let refused = scratch.run(2, "networks lenet --input 1x8x8").err;
    assert!(refused.contains("conv2") && refused.contains("5×5"), "{refused}");
    let wrong = scratch.run(2, "networks lenet --input 28x28").err;
    assert!(wrong.contains("such as 3x32x32"), "{wrong}");
    let unknown = scratch.run(2, "networks letnet").err;
    assert!(unknown.contains("lenet") && unknown.contains("alexnet"), "{unknown}");
}

#[test]
fn a_network_is_drawn_before_it_is_trained() {
    let scratch = Scratch::new();
    let drawn = scratch.run(0, "networks resnet8 -o resnet8.svg --json").json();
    let diagram = &drawn;
    let columns = diagram["columns"].as_array().expect("columns");
    assert_eq!((columns.len(), columns[0]["nodes"].as_array().expect("nodes").len()), (9, 16), "{drawn}");
    assert_eq!(diagram["joints"].as_array().expect("joints").len(), 3, "{drawn}");
    let svg = std::fs::read_to_string(scratch.path("resnet8.svg")).expect("a picture");
    assert!(svg.contains("conv1") && svg.contains("3×32×32"), "{svg}");
    let refused = scratch.run(2, "networks -o all.svg");
    assert!(refused.err.contains("NAME|FILE"), "{refused:?}");
    let listed = scratch.run(0, "networks resnet8").out;
    assert!(listed.contains("stride 2") && listed.contains("reads "), "{listed}");
}

#[test]
fn the_strongest_chain_through_a_filter_stands_out() {
    let scratch = Scratch::new();
    scratch.run(0, "train --dataset digits --network paper --steps 20 --batch-size 16");
    let drawn = scratch.run(0, "plot network main --trace conv2/5 -o chain.svg --json").json();
    let chain = &drawn["trace"];
    assert_eq!((&chain["of"]["layer"], &chain["of"]["filter"]["number"]), (&"conv2".into(), &5.into()), "{chain}");
    assert!(!chain["links"].as_array().expect("links").is_empty(), "{chain}");
    let svg = std::fs::read_to_string(scratch.path("chain.svg")).expect("a picture");
    assert!(svg.contains("chain of conv2/5"), "{svg}");
    // A class is the end of its chain.
    let drawn = scratch.run(0, "plot network main --trace softmax/7 -o chain.svg --json").json();
    let links = drawn["trace"]["links"].as_array().expect("links");
    assert_eq!(links.last().expect("a link")["to"]["output"], 7, "{drawn}");
    let notes = drawn["notes"].as_array().expect("notes");
    assert!(
        notes.iter().any(|note| note.as_str().is_some_and(|note| note.starts_with("chain of 7: image"))),
        "{notes:?}"
    );
    for (filter, says) in [
        ("conv9/1", "expected --trace with a filter of conv1, conv2, conv3, softmax, found conv9/1"),
        ("conv1/77", "expected --trace with one of conv1's filters 0, 1,"),
        ("softmax/10", "expected --trace with one of softmax's filters 0, 1,"),
        ("conv1", "expected LAYER/FILTER, such as conv3/7, found `conv1`"),
    ] {
        let refused = scratch.run(2, &format!("plot network main --trace {filter} -o no.svg"));
        assert!(refused.err.contains(says), "{filter}: {refused:?}");
    }
}
