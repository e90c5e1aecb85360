//! How large the parts of the window are: by default, or as their borders were dragged;
//! and which figure alone is shown.

use serde::{Deserialize, Serialize};

/// How wide a border is, of which the line in its middle is seen.
pub(crate) const WIDE: f32 = 5.0;
/// How wide a scroll bar is.
pub(crate) const BAR: f32 = 10.0;
/// The least height of a lane of the timeline, and the height of what is under the lanes.
pub(crate) const LANE: f32 = 22.0;
pub(crate) const FOOT: f32 = 18.0;
/// The least widths of the tree, the figures in the middle and the inspector.
const LEAST: [f32; 3] = [140.0, 260.0, 180.0];
/// The shares that the chart and the filters have of the middle's height by default.
const CHART: f32 = 0.34;
const FILTERS: f32 = 0.27;
/// The least height of a figure, with its head.
const LEAST_FIGURE: f32 = 72.0;
/// That of the network, whose image would lie over what is under it.
const LEAST_NETWORK: f32 = 190.0;
/// Lanes that the timeline has room for by default.
const LANES: [usize; 2] = [2, 5];
/// What the timeline leaves of the window's height.
const LEAST_ABOVE: f32 = 160.0;

/// A border that can be dragged, by the part that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// At the right of the tree.
    Tree,
    /// At the left of the inspector.
    Inspector,
    /// Under the chart.
    Chart,
    /// Above the filters.
    Filters,
    /// Above the timeline.
    Timeline,
}

impl Border {
    /// Whether it stands upright.
    pub(crate) fn is_upright(self) -> bool {
        matches!(self, Self::Tree | Self::Inspector)
    }

    /// 1 where its part grows when it is dragged to the right or down, else −1.
    pub(crate) fn direction(self) -> f32 {
        match self {
            Self::Tree | Self::Chart => 1.0,
            Self::Inspector | Self::Filters | Self::Timeline => -1.0,
        }
    }
}

/// A figure that can be shown alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Panel {
    /// The chart.
    Chart,
    /// The network.
    Network,
    /// The embedding and the filters.
    Filters,
}

impl Panel {
    /// The one to be shown alone after this one.
    pub(crate) fn after(shown: Option<Self>) -> Option<Self> {
        match shown {
            None => Some(Self::Chart),
            Some(Self::Chart) => Some(Self::Network),
            Some(Self::Network) => Some(Self::Filters),
            Some(Self::Filters) => None,
        }
    }
}

/// What happens to sizes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// A border was dragged: its part becomes so large, of so much room.
    Drag { border: Border, size: f32, room: f32 },
    /// A part has its default size again.
    Reset(Border),
    /// A figure is shown alone, or all of them again.
    Maximise(Option<Panel>),
}

/// Sizes that were chosen; of the others the default holds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sizes {
    /// The tree's width.
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<f32>,
    /// The inspector's width.
    #[serde(skip_serializing_if = "Option::is_none")]
    inspector: Option<f32>,
    /// The chart's share of the middle's height.
    #[serde(skip_serializing_if = "Option::is_none")]
    chart: Option<f32>,
    /// The filters' share of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<f32>,
    /// The height of the timeline's lanes.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<f32>,
}

/// How high so many lanes are, where they are as low as they can be.
pub(crate) fn height_of(lanes: usize) -> f32 {
    lanes as f32 * LANE + FOOT
}

impl Sizes {
    fn of(&mut self, border: Border) -> &mut Option<f32> {
        match border {
            Border::Tree => &mut self.tree,
            Border::Inspector => &mut self.inspector,
            Border::Chart => &mut self.chart,
            Border::Filters => &mut self.filters,
            Border::Timeline => &mut self.timeline,
        }
    }

    /// The default size of what a border belongs to.
    pub(crate) fn reset(&mut self, border: Border) {
        *self.of(border) = None;
    }

    /// Makes what a border belongs to so large, of so much room, as far as the others
    /// leave it some.
    pub(crate) fn drag(&mut self, border: Border, size: f32, room: f32) {
        if !size.is_finite() || !room.is_finite() || room < 1.0 {
            return;
        }
        let chosen = match border {
            Border::Tree => size.max(LEAST[0]).min(room - LEAST[1] - self.columns(room)[1]).max(LEAST[0]),
            Border::Inspector => size.max(LEAST[2]).min(room - LEAST[1] - self.columns(room)[0]).max(LEAST[2]),
            Border::Chart => self.share(size, room, self.rows(room)[2]),
            Border::Filters => self.share(size, room, self.rows(room)[0]),
            Border::Timeline => size.min(highest(room)).max(height_of(1)),
        };
        let chosen = if matches!(border, Border::Chart | Border::Filters) { chosen } else { chosen.round() };
        *self.of(border) = Some(chosen);
    }

    /// What share of a height a figure has, so that the network and another one keep some.
    fn share(&self, size: f32, room: f32, other: f32) -> f32 {
        size.min(room - LEAST_NETWORK - other).max(LEAST_FIGURE) / room
    }

    /// The widths of the tree and the inspector in a window so wide: what was chosen, as
    /// far as the figures keep room.
    pub(crate) fn columns(&self, room: f32) -> [f32; 2] {
        let finite = |size: Option<f32>| size.filter(|size| size.is_finite());
        // Names of branches, which lie in the tree, need their room in small windows, too.
        let tree = (0.153 * room).clamp((0.172 * room).clamp(144.0, 220.0), 320.0);
        let by_default = [tree, (0.1945 * room).clamp(212.0, 400.0)];
        let tree = finite(self.tree).unwrap_or(by_default[0]);
        let inspector = finite(self.inspector).unwrap_or(by_default[1]);
        let inspector = inspector.min(room - LEAST[0] - LEAST[1]).max(LEAST[2]);
        [tree.min(room - LEAST[1] - inspector).max(LEAST[0]).round(), inspector.round()]
    }

    /// The heights of the chart, the network and the filters, of so much for all three,
    /// in whole pixels: an edge between two of them is drawn into both, and anew in one.
    pub(crate) fn rows(&self, room: f32) -> [f32; 3] {
        let finite =
            |share: Option<f32>, by_default: f32| share.filter(|share| share.is_finite()).unwrap_or(by_default);
        let (least, network) = (LEAST_FIGURE.min(0.3 * room), LEAST_NETWORK.min(0.42 * room));
        let filters = (finite(self.filters, FILTERS) * room).clamp(least, room - least - network).round();
        let chart = (finite(self.chart, CHART) * room).clamp(least, (room - network - filters).max(least)).round();
        [chart, room - chart - filters, filters]
    }

    /// The height of the lanes of a store of so many branches: that of the shown ones
    /// would move everything above when one is hidden.
    pub(crate) fn lanes(&self, branches: usize) -> f32 {
        let by_default = height_of(branches.clamp(LANES[0], LANES[1]));
        self.timeline.filter(|height| height.is_finite()).unwrap_or(by_default).max(height_of(1))
    }

    /// The same in a window that has so much room for figures and lanes.
    pub(crate) fn lanes_within(&self, branches: usize, room: f32) -> f32 {
        self.lanes(branches).min(highest(room)).max(height_of(1)).round()
    }
}

/// The most that lanes take of so much room for figures and lanes.
fn highest(room: f32) -> f32 {
    room - LEAST_ABOVE - WIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: [[f32; 2]; 5] = [[800.0, 420.0], [1024.0, 600.0], [1280.0, 640.0], [1440.0, 820.0], [3840.0, 2080.0]];

    #[test]
    fn the_chart_has_three_tenths_of_the_middle_by_default() {
        for [_, height] in ROOMS {
            let rows = Sizes::default().rows(height);
            assert!(rows[0] >= 0.3 * height && rows[1] >= rows[2], "{height}: {rows:?}");
            assert_eq!(rows.iter().sum::<f32>(), height);
        }
    }

    #[test]
    fn a_part_becomes_as_large_as_it_is_dragged_and_has_its_default_back() {
        let by_default = Sizes::default();
        let mut sizes = by_default;
        sizes.drag(Border::Tree, 260.0, 1440.0);
        sizes.drag(Border::Inspector, 333.0, 1440.0);
        assert_eq!(sizes.columns(1440.0), [260.0, 333.0]);
        sizes.drag(Border::Chart, 380.0, 800.0);
        sizes.drag(Border::Filters, 150.0, 800.0);
        assert_eq!(sizes.rows(800.0), [380.0, 270.0, 150.0]);
        sizes.drag(Border::Timeline, 240.0, 800.0);
        assert_eq!(sizes.lanes(3), 240.0);
        for border in [Border::Tree, Border::Inspector, Border::Chart, Border::Filters, Border::Timeline] {
            sizes.reset(border);
        }
        assert_eq!(sizes, by_default);
    }

    #[test]
    fn no_part_is_dragged_out_of_the_window_and_none_leaves_another_without_room() {
        for [width, height] in ROOMS {
            for size in [-500.0, 0.0, 50.0, 900.0, 1e6, f32::NAN] {
                let mut sizes = Sizes::default();
                for border in [Border::Tree, Border::Inspector, Border::Chart, Border::Filters, Border::Timeline] {
                    sizes.drag(border, size, if border.is_upright() { width } else { height });
                    let [tree, inspector] = sizes.columns(width);
                    assert!(tree >= LEAST[0] && inspector >= LEAST[2], "{tree} {inspector}");
                    assert!(width - tree - inspector >= LEAST[1] - 1.0, "{width}: {tree} {inspector} by {size}");
                    let rows = sizes.rows(height);
                    assert!(rows.iter().all(|row| *row >= LEAST_FIGURE - 1.0), "{height}: {rows:?} by {size}");
                    assert!(rows[1] >= LEAST_NETWORK.min(0.42 * height) - 1.0, "{height}: {rows:?} by {size}");
                    let lanes = sizes.lanes_within(9, height);
                    assert!(lanes >= height_of(1) && height - lanes >= LEAST_ABOVE, "{height}: {lanes}");
                }
            }
        }
    }

    /// What was chosen in a large window, and numbers that a file may hold.
    #[test]
    fn sizes_fit_a_smaller_window_and_come_back_in_a_larger_one() {
        let mut sizes = Sizes::default();
        sizes.drag(Border::Tree, 900.0, 3840.0);
        assert_eq!(sizes.columns(3840.0)[0], 900.0);
        assert!(sizes.columns(1000.0)[0] < 560.0);
        assert_eq!(sizes.columns(3840.0)[0], 900.0);
        let wild = Sizes { tree: Some(f32::NAN), chart: Some(-7.0), filters: Some(99.0), ..sizes };
        assert!(wild.columns(1440.0).iter().chain(&wild.rows(700.0)).all(|size| *size > 0.0));
    }
}
