//! How training images are varied, in the form of a new run: the options that `revacnn train` has for
//! it, in its words.

use std::collections::BTreeMap;
use std::fmt::Display;

use revacnn_notebook::command::values::whole;
use revacnn_schemas::{AugmentationRequest, number};

use super::pieces::{Piece, choices, field, small_fields};

/// A way to vary images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Shift,
    Flip,
    Crop,
    Brightness,
    Contrast,
    Cutout,
}

/// What mirroring is chosen from, the usual first.
const FLIPS: [&str; 3] = ["as usual", "on", "off"];

impl Way {
    const ALL: [Self; 6] = [Self::Shift, Self::Flip, Self::Crop, Self::Brightness, Self::Contrast, Self::Cutout];

    /// The option of the command line.
    fn option(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Flip => "flip",
            Self::Crop => "crop",
            Self::Brightness => "brightness",
            Self::Contrast => "contrast",
            Self::Cutout => "cutout",
        }
    }

    /// The name of its field.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Shift => "run-shift",
            Self::Flip => "run-flip",
            Self::Crop => "run-crop",
            Self::Brightness => "run-brightness",
            Self::Contrast => "run-contrast",
            Self::Cutout => "run-cutout",
        }
    }

    /// What may stand there.
    fn hint(self) -> &'static str {
        match self {
            Self::Shift | Self::Cutout => "pixels",
            Self::Crop => "share",
            Self::Brightness | Self::Contrast => "0 to 1",
            Self::Flip => "",
        }
    }
}

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// By way; what is not in it, or is empty, is as usual.
    typed: BTreeMap<Way, String>,
}

/// What happens in it: another text of a way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message(pub(crate) Way, pub(crate) String);

impl State {
    /// With what was chosen for an earlier run.
    pub(crate) fn new(request: AugmentationRequest) -> Self {
        fn text(value: Option<impl Display>) -> Option<String> {
            value.map(|value| value.to_string())
        }
        let AugmentationRequest { shift, flip, crop, brightness, contrast, cutout } = request;
        let typed = [
            (Way::Shift, text(shift)),
            (Way::Flip, text(flip.map(|flip| if flip { "on" } else { "off" }))),
            (Way::Crop, text(crop)),
            (Way::Brightness, text(brightness)),
            (Way::Contrast, text(contrast)),
            (Way::Cutout, text(cutout)),
        ];
        Self { typed: typed.into_iter().filter_map(|(way, text)| Some((way, text?))).collect() }
    }

    pub(crate) fn update(&mut self, Message(way, text): Message) {
        self.typed.insert(way, text);
    }

    fn text(&self, way: Way) -> &str {
        self.typed.get(&way).map_or("", |text| text.trim())
    }

    /// A field for each way. `enter` is what the Enter key means.
    pub(crate) fn view<'a, M: Clone + 'a>(
        &'a self,
        width: f32,
        says: impl Fn(Message) -> M + Copy + 'a,
        enter: M,
    ) -> Piece<'a, M> {
        let fields = Way::ALL.map(|way| {
            let input: Piece<'a, M> = match way {
                Way::Flip => {
                    let now = FLIPS.iter().find(|word| **word == self.text(way)).unwrap_or(&FLIPS[0]);
                    choices(FLIPS.to_vec(), Some(*now), "", move |word| says(Message(way, word.to_owned())))
                }
                Way::Shift | Way::Crop | Way::Brightness | Way::Contrast | Way::Cutout => {
                    field(way.hint(), self.typed.get(&way).map_or("", String::as_str), 64.0)
                        .id(way.id())
                        .on_input(move |text| says(Message(way, text)))
                        .on_submit(enter.clone())
                        .into()
                }
            };
            (way.option().to_owned(), input)
        });
        small_fields(fields, width)
    }

    /// What is asked for.
    ///
    /// # Errors
    /// The option that is not understood, and what was expected.
    pub(crate) fn request(&self) -> Result<AugmentationRequest, String> {
        let mut request = AugmentationRequest::default();
        for way in Way::ALL {
            let text = self.text(way);
            if text.is_empty() || text == FLIPS[0] {
                continue;
            }
            let said = match way {
                Way::Shift => whole(text).map(|shift| request.shift = Some(shift)),
                Way::Flip => {
                    request.flip = Some(text == "on");
                    Ok(())
                }
                Way::Crop => number(text).map(|crop| request.crop = Some(crop)),
                Way::Brightness => number(text).map(|brightness| request.brightness = Some(brightness)),
                Way::Contrast => number(text).map(|contrast| request.contrast = Some(contrast)),
                Way::Cutout => whole(text).map(|cutout| request.cutout = Some(cutout)),
            };
            said.map_err(|error| format!("{}: {error}", way.option()))?;
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(texts: &[(Way, &str)]) -> State {
        let mut state = State::default();
        texts.iter().for_each(|(way, text)| state.update(Message(*way, (*text).to_owned())));
        state
    }

    #[test]
    fn what_is_chosen_is_asked_for_and_kept_for_the_next_run() {
        let state = typed(&[
            (Way::Shift, " 3 "),
            (Way::Flip, "off"),
            (Way::Crop, "0.5"),
            (Way::Brightness, "0.2"),
            (Way::Contrast, "1e-1"),
            (Way::Cutout, "8"),
        ]);
        let asked = AugmentationRequest {
            shift: Some(3),
            flip: Some(false),
            crop: Some(0.5),
            brightness: Some(0.2),
            contrast: Some(0.1),
            cutout: Some(8),
        };
        assert_eq!(state.request().unwrap(), asked);
        assert_eq!(State::new(asked).request().unwrap(), asked);
        let usual = typed(&[(Way::Shift, ""), (Way::Flip, FLIPS[0])]);
        assert_eq!(usual.request().unwrap(), AugmentationRequest::default());
    }

    #[test]
    fn a_way_that_is_not_understood_is_named() {
        for (way, text, says) in [
            (Way::Shift, "some", "shift: "),
            (Way::Shift, "300", "shift: expected a smaller number"),
            (Way::Crop, "half", "crop: expected a number"),
            (Way::Cutout, "-1", "cutout: "),
        ] {
            let problem = typed(&[(way, text)]).request().unwrap_err();
            assert!(problem.starts_with(says), "{problem}");
        }
    }
}
