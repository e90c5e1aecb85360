//! What colours stand for: entries beside one another, in as many lines as they
//! need.

use revacnn_schemas::Hue;

use super::{Align, Area, Place, Role, Scene, Style};
use crate::look::dash;

/// How long a piece of a line is before its name, and the gap after it.
const SWATCH: f32 = 16.0;
const GAP: f32 = 6.0;
/// What lies between an entry and the next.
const BETWEEN: f32 = 16.0;
/// The least room for a name that is cut, in sizes of a label: that of some ten letters.
const LEAST: f32 = 6.0;

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The branch whose line stands before the name; none before a remark.
    pub(super) hue: Option<Hue>,
    /// Whether it stands for what is measured now and then: a line with dots.
    pub(super) dotted: bool,
    /// The name.
    pub(super) words: String,
}

/// Entries with their places.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Legend {
    entries: Vec<(Place, Entry)>,
    /// How high it is.
    pub(super) height: f32,
}

impl Legend {
    /// Lays entries out from a corner on, within a width.
    pub(super) fn of(entries: Vec<Entry>, [left, top]: Place, width: f32, style: Style) -> Self {
        let line = (style.text * if style.standalone { 1.5 } else { 1.25 }).round();
        let (mut x, mut y) = (left, top + line / 2.0);
        let mut placed = Vec::new();
        for mut entry in entries {
            let mark = if entry.hue.is_some() { SWATCH + GAP } else { 0.0 };
            entry.words = style.fitted(&entry.words, width - mark);
            let wide = mark + style.width(&entry.words);
            if x > left && x + wide > left + width {
                (x, y) = (left, y + line);
            }
            placed.push(([x, y], entry));
            x += wide + BETWEEN;
        }
        let height = placed.last().map_or(0.0, |([_, y], _)| y - top + line / 2.0);
        Self { entries: placed, height }
    }

    /// Lays entries out beneath one another from a corner on, in as many columns as they
    /// need in a height: at the left of what they are of. Names are cut where that is too
    /// wide; where little would be left of them, there are fewer columns, and a last entry
    /// without a line, which says how many there are, stands for those left out.
    pub(super) fn at_left(
        mut entries: Vec<Entry>,
        [left, top]: Place,
        [width, height]: [f32; 2],
        style: Style,
    ) -> Self {
        let line = (1.25 * style.text).round();
        let rows = ((height / line) as usize).clamp(1, entries.len().max(1));
        let most = ((width / (SWATCH + GAP + LEAST * style.text + BETWEEN)) as usize).max(1);
        let columns = entries.len().div_ceil(rows).clamp(1, most);
        if entries.len() > columns * rows {
            let last = entries.pop_if(|last| last.hue.is_none());
            let left_out = entries.len() + 1 - columns * rows;
            entries.truncate(columns * rows - 1);
            let more = || Entry { hue: None, dotted: false, words: format!("and {left_out} more") };
            entries.push(last.unwrap_or_else(more));
        }
        let room = width / columns as f32 - BETWEEN;
        for entry in &mut entries {
            let mark = if entry.hue.is_some() { SWATCH + GAP } else { 0.0 };
            entry.words = style.addressed(&entry.words, room - mark);
        }
        let widest = entries.iter().map(|entry| style.width(&entry.words)).fold(0.0, f32::max);
        let column = SWATCH + GAP + widest + BETWEEN;
        let at = |place: usize| [left + column * (place / rows) as f32, top + line * ((place % rows) as f32 + 0.5)];
        let entries = entries.into_iter().enumerate().map(|(place, entry)| (at(place), entry)).collect();
        Self { entries, height: line * rows as f32 }
    }

    /// What each entry covers.
    pub(super) fn areas(&self, style: Style) -> Vec<Area> {
        let of = |([x, y], entry): &(Place, Entry)| {
            let mark = if entry.hue.is_some() { SWATCH + GAP } else { 0.0 };
            let high = 1.25 * style.text;
            Area::new([*x, y - high / 2.0], [mark + style.width(&entry.words), high])
        };
        self.entries.iter().map(of).collect()
    }

    /// Adds it to a scene.
    pub(super) fn draw(&self, scene: &mut Scene<'_>, style: Style) {
        for ([x, y], entry) in &self.entries {
            let mut left = *x;
            if let Some(hue) = entry.hue {
                if entry.dotted {
                    let line = vec![[left, *y], [left + SWATCH, *y]];
                    scene.line(line, 1.0, dash(hue), super::Ink::from(Role::Branch(hue)).faded(0.55));
                    scene.circle([left + SWATCH / 2.0, *y], 2.5, Role::Branch(hue));
                } else {
                    scene.swatch([left, *y], SWATCH, hue);
                }
                left += SWATCH + GAP;
            }
            scene.text(entry.words.clone(), [left, *y], style.text, Align::Left, Role::Quiet);
        }
    }
}
