//! A layer at several places in one figure.

use revacnn_schemas::{Address, LayerName};

use super::layer::{Values, values};
use crate::sources::Place;
use crate::{Context, NotebookError, Source};

/// What a joint figure of a layer is made of.
pub(crate) struct Joint {
    /// What is looked at, at each place; at least one.
    pub(crate) found: Vec<(Place, Values)>,
    /// What has no part in it, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// What has no part in a joint figure.
pub(crate) enum LeftOut {
    /// It does not belong there.
    Unfit { place: String, why: String },
    /// It may, but could not be read.
    Unread { place: String, error: String },
}

impl LeftOut {
    /// In few words.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Unfit { place, why } => format!("{place} {why}"),
            Self::Unread { place, .. } => format!("{place} cannot be read"),
        }
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unfit { .. } => formatter.write_str(&self.short()),
            Self::Unread { error, .. } => write!(formatter, "{}: {error}", self.short()),
        }
    }
}

impl Joint {
    /// Looks at a layer at all places. Those whose network lacks it are left
    /// out, and so is, where that was [asked for](crate::Sources::leaving_out),
    /// whatever cannot be looked at. Where nothing is left, the first says why.
    pub(crate) fn of(
        context: &mut Context<'_>,
        at: &[Address],
        layer: &LayerName,
        of: Source,
    ) -> Result<Self, NotebookError> {
        let leaves_out = context.leaves_out_of(at);
        let has = |place: &Place| place.holder.topology.layers_with_filters().any(|found| found.layer == *layer);
        let (mut joint, mut first) = (Self { found: Vec::new(), left_out: Vec::new() }, None);
        let places = context.each_place(at, usize::MAX);
        let of_places = places.len();
        for (done, (label, place)) in places.into_iter().enumerate() {
            context.progress(done, of_places)?;
            let error = match place {
                Ok(place) => match values(context, &place, layer, of) {
                    Ok(values) => {
                        joint.found.push((place, values));
                        continue;
                    }
                    Err(error) if has(&place) && !leaves_out => return Err(error),
                    Err(error) if has(&place) => {
                        let (place, error_text) = (place.label(), error.to_string());
                        joint.left_out.push(LeftOut::Unread { place, error: error_text });
                        error
                    }
                    Err(error) => {
                        joint.left_out.push(LeftOut::Unfit { place: place.label(), why: format!("has no {layer}") });
                        error
                    }
                },
                Err(NotebookError::Untrained { branch }) => {
                    let (place, why) = (branch.to_string(), "is not trained yet".to_owned());
                    joint.left_out.push(LeftOut::Unfit { place, why });
                    context.lacks_something();
                    NotebookError::Untrained { branch }
                }
                Err(error) if !leaves_out => return Err(error),
                Err(error) => {
                    joint.left_out.push(LeftOut::Unread { place: label, error: error.to_string() });
                    error
                }
            };
            first.get_or_insert(error);
        }
        if joint.left_out.iter().any(|what| matches!(what, LeftOut::Unread { .. })) {
            context.lacks_something();
        }
        match first {
            Some(error) if joint.found.is_empty() => Err(error),
            _ => Ok(joint),
        }
    }
}
