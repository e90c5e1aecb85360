//! What the mouse says along the steps, on the chart and on the timeline.

use iced::mouse::ScrollDelta;
use revacnn_schemas::Step;

use super::turned;

/// How far a sideways turn of the wheel leads, in shares of what is shown.
const SIDEWAYS: f64 = 0.08;
/// How much closer a notch of the wheel looks.
const NOTCH: f64 = 1.25;

/// What a press, a drag or the wheel says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Along {
    /// Go to a step.
    Go(Step),
    /// Show fewer or more steps about a place, from 0 to 1 along the axis.
    Zoom { factor: f64, fraction: f64 },
    /// Show steps further on, by a share of those that are shown.
    Pan(f64),
    /// Show all steps, with the cursor at this one, if at one.
    All(Option<Step>),
}

impl Along {
    /// What the wheel says, turned with the pointer at this place along the axis.
    pub(crate) fn wheel(delta: &ScrollDelta, fraction: f64) -> Self {
        let [sideways, lines] = turned(delta);
        if sideways.abs() > lines.abs() {
            return Self::Pan(-f64::from(sideways) * SIDEWAYS);
        }
        Self::Zoom { factor: NOTCH.powf(lines.into()), fraction: fraction.clamp(0.0, 1.0) }
    }
}
