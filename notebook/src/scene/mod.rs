//! Scenes: a figure as lines, areas, words and images with their places, in
//! logical pixels, from the lowest to the uppermost.
//!
//! A scene is made from a figure, a size and a few choices, and is plain data. A
//! file and the window paint the same one; where something lies, what an axis says
//! and which names find room is decided here alone. Colours are roles, which each
//! paper has in its own way.

mod chart;
mod embedded_images;
mod histograms;
mod images;
mod legend;
mod marks;
mod network;
mod page;
mod paths;
mod plan;
mod range;
mod scatter;
mod sheet;
mod skips;
mod table;
mod view;
mod words;

use revacnn_schemas::{Hue, Image};

use crate::look::{Colours, Rgb};

pub use chart::{ChartLayout, ChartOptions, runs};
pub use embedded_images::{ImagesLayout, PanelLayout};
pub use histograms::{Closer, HistogramsLayout};
pub use images::{GridLayout, colours_of};
pub use marks::strokes;
pub use network::{NetworkLayout, Says};
pub use page::{body, page};
pub use paths::{Filter, Paths};
pub use plan::{Plan, node_of};
pub use range::range;
pub use scatter::{ScatterLayout, ScatterOptions};
pub use sheet::SheetLayout;
pub use table::MatrixLayout;
pub use view::View;
pub use words::{Measure, Style, fitted, text_width, wrapped};

/// A panel narrower than this is as well beneath another as beside it.
const NARROWEST: f32 = 300.0;

/// How many panels lie side by side in so much width with so much between two, and how wide each is: up to two
/// always, more where each is wide enough.
fn side_by_side(panels: usize, wide: f32, between: f32) -> (usize, f32) {
    let panels = panels.max(1);
    let columns = if panels <= 2 || wide / panels as f32 >= NARROWEST { panels } else { 2 };
    (columns, ((wide - between * (columns - 1) as f32) / columns as f32).max(1.0))
}

/// A place: to the right, and down.
pub type Place = [f32; 2];

/// What is drawn, from the lowest to the uppermost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scene<'a> {
    /// The shapes.
    pub shapes: Vec<Shape<'a>>,
}

/// Something that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape<'a> {
    /// A line through some points.
    Line(Line),
    /// A filled rectangle.
    Rectangle(Area, Ink),
    /// A filled polygon.
    Polygon(Vec<Place>, Ink),
    /// A filled circle, of a radius.
    Circle(Place, f32, Ink),
    /// A line of text.
    Text(Text),
    /// A small image, its shape kept.
    Image(Picture<'a>),
}

/// A line through some points.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// From one end to the other, at least two.
    pub points: Vec<Place>,
    /// How wide it is.
    pub width: f32,
    /// Strokes and gaps in turn; none where it is whole.
    pub dash: &'static [f32],
    /// Its colour.
    pub ink: Ink,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// What it says.
    pub words: String,
    /// Where it begins, ends or has its middle; always the middle of its height.
    pub at: Place,
    /// Its size: that of an em.
    pub size: f32,
    /// Which of its ends lies there.
    pub align: Align,
    /// Its colour.
    pub ink: Ink,
}

/// A small image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Picture<'a> {
    /// What it shows.
    pub image: &'a Image,
    /// Where it stands in its figure: row and column, column and node, or 0 and
    /// point.
    pub place: (usize, usize),
    /// Where it lies.
    pub at: Area,
}

/// How a text lies about its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// Its middle is there.
    Middle,
    /// It ends there.
    Right,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Area {
    /// Its left edge.
    pub x: f32,
    /// Its upper edge.
    pub y: f32,
    /// How wide it is.
    pub width: f32,
    /// How high it is.
    pub height: f32,
}

impl Area {
    /// A rectangle.
    pub fn new([x, y]: Place, [width, height]: [f32; 2]) -> Self {
        Self { x, y, width, height }
    }

    /// A square about a point.
    pub fn about([x, y]: Place, side: f32) -> Self {
        Self::new([x - side / 2.0, y - side / 2.0], [side; 2])
    }

    /// Its right edge.
    pub fn right(self) -> f32 {
        self.x + self.width
    }

    /// Its lower edge.
    pub fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// Its middle.
    pub fn middle(self) -> Place {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// Larger by so much at each edge.
    pub fn grown(self, by: f32) -> Self {
        Self::new([self.x - by, self.y - by], [self.width + 2.0 * by, self.height + 2.0 * by])
    }

    /// Whether the two have more than an edge in common.
    pub fn meets(self, other: Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

/// A colour by what it is for, and how much of what lies beneath it covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    /// What it is for.
    pub role: Role,
    /// From 0 to 1.
    pub alpha: f32,
}

impl Ink {
    /// The same colour, of which more is seen through.
    pub fn faded(self, alpha: f32) -> Self {
        Self { alpha: self.alpha * alpha, ..self }
    }

    /// What it is on a paper.
    pub fn on(self, colours: &Colours) -> Rgb {
        match self.role {
            Role::Paper => colours.paper,
            Role::Ink => colours.ink,
            Role::Quiet => colours.quiet,
            Role::Line => colours.line,
            Role::Accent => colours.accent,
            Role::Branch(hue) => colours.branch(hue),
            Role::Words(hue) => colours.words(hue),
            Role::Rgb(colour) => colour,
        }
    }
}

impl From<Role> for Ink {
    fn from(role: Role) -> Self {
        Self { role, alpha: 1.0 }
    }
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// What lies behind everything.
    Paper,
    /// Text.
    Ink,
    /// Text that can wait.
    Quiet,
    /// Lines that recede.
    Line,
    /// What is marked.
    Accent,
    /// A branch's lines.
    Branch(Hue),
    /// A branch's words.
    Words(Hue),
    /// The same colour on every paper.
    Rgb(Rgb),
}

impl<'a> Scene<'a> {
    /// Adds a line through some points.
    pub fn line(&mut self, points: Vec<Place>, width: f32, dash: &'static [f32], ink: impl Into<Ink>) {
        self.shapes.push(Shape::Line(Line { points, width, dash, ink: ink.into() }));
    }

    /// Adds a filled rectangle.
    pub fn rectangle(&mut self, at: Area, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Rectangle(at, ink.into()));
    }

    /// Adds a filled polygon.
    pub fn polygon(&mut self, corners: Vec<Place>, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Polygon(corners, ink.into()));
    }

    /// Adds a filled circle.
    pub fn circle(&mut self, middle: Place, radius: f32, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Circle(middle, radius, ink.into()));
    }

    /// Adds a line of text.
    pub fn text(&mut self, words: impl Into<String>, at: Place, size: f32, align: Align, ink: impl Into<Ink>) {
        self.shapes.push(Shape::Text(Text { words: words.into(), at, size, align, ink: ink.into() }));
    }

    /// Adds an image as large as its shape allows within an area.
    pub fn image(&mut self, image: &'a Image, place: (usize, usize), within: Area) {
        self.shapes.push(Shape::Image(Picture { image, place, at: shaped(image, within) }));
    }

    /// Adds another scene, moved by so much.
    pub fn add(&mut self, other: Scene<'a>, [right, down]: Place) {
        let point = |at: Place| [at[0] + right, at[1] + down];
        let area = |at: Area| Area { x: at.x + right, y: at.y + down, ..at };
        self.shapes.extend(other.shapes.into_iter().map(|shape| match shape {
            Shape::Line(line) => Shape::Line(Line { points: line.points.iter().copied().map(point).collect(), ..line }),
            Shape::Rectangle(at, ink) => Shape::Rectangle(area(at), ink),
            Shape::Polygon(corners, ink) => Shape::Polygon(corners.into_iter().map(point).collect(), ink),
            Shape::Circle(at, radius, ink) => Shape::Circle(point(at), radius, ink),
            Shape::Text(text) => Shape::Text(Text { at: point(text.at), ..text }),
            Shape::Image(picture) => Shape::Image(Picture { at: area(picture.at), ..picture }),
        }));
    }

    /// Its lines of text.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            _ => None,
        })
    }

    /// What it covers, its words as wide as they are measured; `None` where there
    /// is nothing.
    pub fn covers(&self, measure: Measure) -> Option<Area> {
        let of = |shape: &Shape<'_>| match shape {
            Shape::Line(line) => around(&line.points, line.width / 2.0),
            Shape::Polygon(corners, _) => around(corners, 0.0),
            Shape::Rectangle(at, _) | Shape::Image(Picture { at, .. }) => Some(*at),
            Shape::Circle(middle, radius, _) => Some(Area::about(*middle, 2.0 * radius)),
            Shape::Text(text) => Some(text.area(measure)),
        };
        self.shapes.iter().filter_map(of).reduce(|all, next| {
            let [x, y] = [all.x.min(next.x), all.y.min(next.y)];
            Area::new([x, y], [all.right().max(next.right()) - x, all.bottom().max(next.bottom()) - y])
        })
    }
}

impl Text {
    /// What it covers.
    pub fn area(&self, measure: Measure) -> Area {
        let width = measure(&self.words, self.size);
        let left = match self.align {
            Align::Left => self.at[0],
            Align::Middle => self.at[0] - width / 2.0,
            Align::Right => self.at[0] - width,
        };
        Area::new([left, self.at[1] - self.size / 2.0], [width, self.size])
    }
}

fn around(points: &[Place], room: f32) -> Option<Area> {
    let ends = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        values.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
    };
    let ([left, right], [top, bottom]) = (ends(0), ends(1));
    (left <= right).then(|| Area::new([left, top], [right - left, bottom - top]).grown(room))
}

/// Where an image lies within an area: its shape is kept, and a line of many
/// values is a strip that fills the width.
fn shaped(image: &Image, within: Area) -> Area {
    let pixel = (within.width / image.columns.max(1) as f32).min(within.height / image.rows.max(1) as f32);
    let size = if image.rows == 1 && image.columns > 1 {
        [within.width, within.height.min(12.0)]
    } else {
        [pixel * image.columns as f32, pixel * image.rows as f32]
    };
    Area::new([within.x, within.y], size)
}
