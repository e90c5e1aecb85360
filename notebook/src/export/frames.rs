//! What each view shows at each position of what it follows.

use std::collections::HashMap;

use revacnn_schemas::Figure;

use super::Notebook;
use super::dials::{Dial, first_values};
use crate::Sources;
use crate::program::{Filled, View};

/// A view at all positions of its dials.
#[derive(Debug)]
pub(super) struct Frames {
    /// The dials that it follows, by their places.
    pub(super) dials: Vec<usize>,
    /// What it shows, or why it shows nothing: each once.
    pub(super) shown: Vec<(Option<Filled>, Result<Figure, String>)>,
    /// Which of these at each position: the last dial's change fastest.
    pub(super) at: Vec<usize>,
    /// The place among `at` that is shown first.
    pub(super) first: usize,
}

/// The dials that a view follows, by their places.
fn followed(view: &View, dials: &[Dial]) -> Vec<usize> {
    (0..dials.len()).filter(|place| view.uses.contains(&dials[*place].name)).collect()
}

/// How many frames a view has.
pub(super) fn frame_count(view: &View, dials: &[Dial]) -> usize {
    followed(view, dials).into_iter().map(|place| dials[place].positions.len()).product()
}

/// The frames of a view; `before` is called before each. With `only_first` there is one.
pub(super) fn frames(
    notebook: &Notebook<'_>,
    view: &View,
    dials: &[Dial],
    only_first: bool,
    sources: &mut Sources,
    before: &mut dyn FnMut(),
) -> Frames {
    let spans = notebook.spans(sources);
    let followed = followed(view, dials);
    let lacking = view.uses.iter().find(|name| dials.iter().all(|dial| dial.name != **name));
    if let Some(name) = lacking {
        let shown = vec![(None, Err(format!("`${name}` has no value yet")))];
        return Frames { dials: Vec::new(), shown, at: vec![0], first: 0 };
    }
    let mut values = first_values(dials);
    let counts: Vec<usize> = followed.iter().map(|place| dials[*place].positions.len()).collect();
    let firsts: Vec<usize> = followed.iter().map(|place| dials[*place].first).collect();
    let first = firsts.iter().zip(&counts).fold(0, |place, (first, count)| place * count + first);
    let all: usize = counts.iter().product();
    let (mut shown, mut at, mut known) = (Vec::new(), Vec::new(), HashMap::new());
    let wanted: Vec<usize> = if only_first { vec![first] } else { (0..all).collect() };
    for frame in wanted {
        before();
        let mut rest = frame;
        for (place, count) in followed.iter().zip(&counts).rev() {
            let dial = &dials[*place];
            values.insert(dial.name.clone(), dial.positions[rest % count].value.clone());
            rest /= count;
        }
        let filled = notebook.program.filled(view, &values, &|branch| spans.get(branch).copied());
        let (filled, outcome) = match filled {
            Ok(filled) => {
                let key = format!("{filled:?}");
                if let Some(place) = known.get(&key) {
                    at.push(*place);
                    continue;
                }
                known.insert(key, shown.len());
                let figure = notebook.figure(&filled, sources);
                (Some(filled), figure)
            }
            Err(miswritten) => (None, Err(miswritten.message)),
        };
        at.push(shown.len());
        shown.push((filled, outcome));
    }
    Frames { dials: followed, shown, at, first: if only_first { 0 } else { first } }
}
