//! What figures have in common, whichever draws them: what a press or the
//! pointer says in any of them, and what they mark.

use revacnn_schemas::{Edit, FilterIdentity, LayerName, Step};

use crate::cells::ViewId;
use crate::sizes::Panel;

/// A filter of a layer, whatever the branch.
pub(crate) type FilterKey = (LayerName, FilterIdentity);

/// What figures mark.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The layer of the embedding.
    pub(crate) layer: Option<LayerName>,
    /// The filter that is pointed at.
    pub(crate) hovered: Option<FilterKey>,
    /// The filter that is chosen.
    pub(crate) picked: Option<FilterKey>,
}

/// What a figure says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Go to a step.
    Go(Step),
    /// The pointer has come over another filter.
    Hover(FilterKey),
    /// The pointer has left this filter in one figure; it may be over one in another.
    Leave(FilterKey),
    /// Choose a filter, or none.
    Pick(Option<FilterKey>),
    /// Embed a layer.
    Layer(LayerName),
    /// Fork at the cursor with these edits.
    Edit(Vec<Edit>),
    /// Open the form of a new layer, after this one; before the first where there is none.
    InsertLayer(Option<LayerName>),
    /// What an edit under the pointer would do.
    Preview(Option<Edit>),
    /// Open a figure's menu.
    Menu(ViewId),
    /// Show a figure alone, or all of them again.
    Maximise(Option<Panel>),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    /// Draw what marks filters again.
    Marked,
    /// Draw it again, and make the figures of what is marked now.
    Picked,
    /// Make the figures of another layer.
    Follow,
    Go(Step),
    Edit(Vec<Edit>),
    InsertLayer(Option<LayerName>),
    Preview(Option<Edit>),
    Menu(ViewId),
    /// Show a figure alone, or all of them again.
    Maximise(Option<Panel>),
}

impl Marks {
    /// Takes in what a figure says; `layers` are those of the network.
    pub(crate) fn update(&mut self, message: Message, layers: &[LayerName]) -> Action {
        match message {
            Message::Go(step) => Action::Go(step),
            Message::Hover(filter) => {
                self.hovered = Some(filter);
                Action::Marked
            }
            Message::Leave(filter) if self.hovered.as_ref() == Some(&filter) => {
                self.hovered = None;
                Action::Marked
            }
            Message::Leave(_) => Action::None,
            Message::Pick(filter) => {
                if let Some((layer, _)) = &filter {
                    self.layer = Some(layer.clone());
                }
                self.picked = filter;
                Action::Picked
            }
            // What the branch beside has alone has no place among the tabs.
            Message::Layer(layer) if layers.is_empty() || layers.contains(&layer) => {
                self.layer = Some(layer);
                Action::Follow
            }
            Message::Layer(_) => Action::None,
            Message::Edit(edits) => Action::Edit(edits),
            Message::InsertLayer(after) => Action::InsertLayer(after),
            Message::Preview(edit) => Action::Preview(edit),
            Message::Menu(view) => Action::Menu(view),
            Message::Maximise(panel) => Action::Maximise(panel),
        }
    }

    /// The filter whose numbers are told: the one pointed at, else the chosen
    /// one.
    pub(crate) fn inspected(&self) -> Option<&FilterKey> {
        self.hovered.as_ref().or(self.picked.as_ref())
    }

    /// What a figure marks.
    pub(crate) fn highlights(&self) -> Highlights<'_> {
        Highlights { hovered: self.hovered.as_ref(), picked: self.picked.as_ref() }
    }
}

/// The filters that a figure marks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Highlights<'a> {
    /// The one that is pointed at.
    pub(crate) hovered: Option<&'a FilterKey>,
    /// The chosen one.
    pub(crate) picked: Option<&'a FilterKey>,
}

impl Highlights<'_> {
    /// Whether a filter is pointed at or chosen.
    pub(crate) fn has(&self, key: &FilterKey) -> bool {
        self.hovered == Some(key) || self.picked == Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::FilterNumber;

    /// A pointer that came from one figure into another marked nothing: the first one
    /// spoke last.
    #[test]
    fn a_figure_that_the_pointer_leaves_does_not_unmark_what_another_marks() {
        let key = |number: u32| {
            let filter = FilterIdentity { number: FilterNumber(number), born: None };
            ("conv1".parse::<LayerName>().unwrap(), filter)
        };
        let mut marks = Marks::default();
        for message in [Message::Hover(key(1)), Message::Hover(key(2)), Message::Leave(key(1))] {
            marks.update(message, &[]);
        }
        assert_eq!(marks.hovered, Some(key(2)));
        assert_eq!(marks.update(Message::Leave(key(2)), &[]), Action::Marked);
        assert_eq!(marks.hovered, None);
    }
}
