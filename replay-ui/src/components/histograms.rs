//! How the values of a layer are spread over the steps.

use iced::Alignment;
use iced::widget::row;
use revacnn_notebook::kinds::Histogram;
use revacnn_notebook::scene::Closer;
use revacnn_notebook::{Cell, Distribution};
use revacnn_schemas::{HistogramForm, LayerName};

use super::frame::{awaited, entitled, tall};
use super::pieces::{Piece, chosen_of, hinted, noted, plain, press, quiet};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::histograms_plot::{self, HistogramsPlot};
use crate::cells::ViewId;
use crate::context::Context;

/// The values in the order of the radio buttons.
const VALUES: [(Distribution, &str); 5] = [
    (Distribution::Weights, "coefficients"),
    (Distribution::Gradients, "gradients"),
    (Distribution::Updates, "updates"),
    (Distribution::Activations, "maps"),
    (Distribution::ActivationGradients, "map gradients"),
];

/// What is shown.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) of: Distribution,
    pub(crate) form: HistogramForm,
    /// What of a layer is looked at more closely.
    closer: Option<(LayerName, Closer)>,
    cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Of(Distribution),
    Form(HistogramForm),
    /// Look closer at a part.
    Closer(Closer),
    /// Show all again.
    All,
}

impl State {
    /// Draws it anew.
    pub(crate) fn redraw(&self) {
        self.cache.clear();
    }

    /// The layer is the one that is shown.
    pub(crate) fn update(&mut self, message: Message, layer: Option<&LayerName>) {
        match message {
            Message::Of(of) => (self.of, self.closer) = (of, None),
            Message::Form(form) => self.form = form,
            Message::Closer(Closer { within, range }) => {
                let Some(layer) = layer else { return };
                let before = self.closer(layer);
                let closer = Closer { within: within.or(before.within), range: range.or(before.range) };
                self.closer = Some((layer.clone(), closer));
            }
            Message::All => self.closer = None,
        }
    }

    /// What of a layer is shown.
    fn closer(&self, layer: &LayerName) -> Closer {
        let closer = self.closer.as_ref().filter(|(of, _)| of == layer);
        closer.map_or(Closer { within: None, range: None }, |(_, closer)| *closer)
    }

    /// The cell of a layer.
    pub(crate) fn cell(&self, layer: LayerName) -> Cell {
        let Closer { within, range } = self.closer(&layer);
        Histogram { layer, of: self.of, form: self.form, within, range, bins: Histogram::BINS }.into()
    }

    /// What is chosen, above the figure.
    pub(crate) fn controls<'a>(&self, context: &Context) -> Piece<'a, Message> {
        let values = row(VALUES.map(|(of, words)| chosen_of(words, of, self.of, Message::Of))).spacing(12);
        let forms = [(HistogramForm::Ridges, "lines"), (HistogramForm::Heat, "columns")];
        let forms = forms.map(|(form, words)| quiet(plain(words), self.form == form, Some(Message::Form(form))));
        let is_closer = context.marks.layer.as_ref().is_some_and(|layer| {
            let Closer { within, range } = self.closer(layer);
            within.is_some() || range.is_some()
        });
        let all =
            is_closer.then(|| hinted(press("show all", Some(Message::All)), "all steps and values: a double click"));
        row![values].push(row(forms)).push(all).spacing(16).align_y(Alignment::Center).wrap().into()
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let figure = match context.cells.histograms(ViewId::HISTOGRAMS) {
            None => return awaited(context, "reading the steps"),
            Some(Err(reason)) => return noted(reason),
            Some(Ok(figure)) => figure,
        };
        let shown = move |_| HistogramsPlot {
            figure,
            number: context.cells.number(ViewId::HISTOGRAMS),
            cache: &self.cache,
            late: context.cells.awaits(ViewId::HISTOGRAMS),
        };
        let body = tall(move |room| histograms_plot::height(figure, room), shown);
        entitled(&figure.title, &figure.notes, body)
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::Step;

    use super::*;

    fn asked(state: &State, layer: &str) -> (Option<[Step; 2]>, Option<[f64; 2]>) {
        let cell = state.cell(layer.parse().unwrap());
        let Histogram { within, range, .. } = cell.as_kind().unwrap();
        (*within, *range)
    }

    #[test]
    fn one_looks_closer_at_steps_and_values_of_a_layer_and_at_all_again() {
        let (mut state, layer) = (State::default(), "conv1".parse().unwrap());
        let [within, range] = [
            Closer { within: Some([Step(10), Step(20)]), range: None },
            Closer { within: None, range: Some([-0.5, 0.25]) },
        ];
        state.update(Message::Closer(within), Some(&layer));
        state.update(Message::Closer(range), Some(&layer));
        assert_eq!(asked(&state, "conv1"), (Some([Step(10), Step(20)]), Some([-0.5, 0.25])));
        assert_eq!(asked(&state, "conv2"), (None, None), "another layer has other values");
        state.update(Message::All, Some(&layer));
        assert_eq!(asked(&state, "conv1"), (None, None));
        state.update(Message::Closer(range), Some(&layer));
        state.update(Message::Of(Distribution::Updates), Some(&layer));
        assert_eq!(asked(&state, "conv1"), (None, None), "other values have other ends");
    }
}
