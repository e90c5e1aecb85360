//! A contact sheet: images in lines, what is said of each beneath it, and a frame about those
//! that are predicted wrong.

use revacnn_schemas::{ContactSheet, Hue};

use super::{Align, Area, Ink, Place, Role, Scene, Style};

/// The side of an image.
const SIDE: f32 = 72.0;
/// The room of an image and its lines, from one to the next.
const PITCH: f32 = 112.0;
/// What lies between an image and the one beside it.
const BESIDE: f32 = 4.0;
/// What lies between two lines of images.
const GAP: f32 = 14.0;
/// The frame about what is predicted wrong.
const FRAME: f32 = 2.5;
/// Its colour.
const WRONG: Role = Role::Branch(Hue(1));

/// A contact sheet so wide, and how high it is.
pub(super) fn sheet(sheet: &ContactSheet, width: f32, style: Style) -> (Scene<'_>, f32) {
    let layout = SheetLayout::of(sheet, width, style);
    (layout.scene(sheet, style), layout.height)
}

/// Where the images of a contact sheet lie.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetLayout {
    /// Each image.
    places: Vec<Area>,
    /// The room of an image and its lines, from one to the next.
    pitch: f32,
    /// The height of a line.
    line: f32,
    /// Where the line under the images begins.
    foot: f32,
    /// How high all is.
    pub height: f32,
}

impl SheetLayout {
    /// A contact sheet so wide.
    pub fn of(sheet: &ContactSheet, width: f32, style: Style) -> Self {
        let sides = style.sides();
        let pitch = match sheet.pictures.iter().any(|picture| picture.beside.is_some()) {
            true => PITCH + SIDE + BESIDE,
            false => PITCH,
        };
        let across = (((width - 2.0 * sides) / pitch) as usize).max(1);
        let line = (1.45 * style.text).round();
        let (mut top, mut places) = (4.0, Vec::with_capacity(sheet.pictures.len()));
        for pictures in sheet.pictures.chunks(across) {
            let lines = pictures.iter().map(|picture| picture.captions.len()).max().unwrap_or(0);
            places.extend((0..pictures.len()).map(|column| {
                let left = (sides + FRAME + column as f32 * pitch).round();
                Area::new([left, (top + FRAME).round()], [SIDE; 2])
            }));
            top += SIDE + 2.0 * FRAME + lines as f32 * line + GAP;
        }
        let foot = top;
        if sheet.pictures.is_empty() {
            top += 3.0 * style.text;
        }
        if sheet.pictures.iter().any(|picture| picture.wrong) {
            top += 2.0 * style.text;
        }
        Self { places, pitch, line, foot, height: top.ceil() }
    }

    /// Which image lies there, with what is beside it and the lines beneath it.
    pub fn picture_at(&self, sheet: &ContactSheet, [x, y]: Place) -> Option<usize> {
        self.places.iter().zip(&sheet.pictures).position(|(at, picture)| {
            let lines = picture.captions.len() as f32 * self.line;
            let room = Area::new([at.x, at.y], [self.pitch - 8.0, at.height + FRAME + lines]);
            (room.x..room.right()).contains(&x) && (room.y..room.bottom()).contains(&y)
        })
    }

    /// Where an image lies.
    pub fn place(&self, picture: usize) -> Option<Area> {
        self.places.get(picture).copied()
    }

    /// It, as it is drawn.
    pub fn scene<'a>(&self, sheet: &'a ContactSheet, style: Style) -> Scene<'a> {
        let mut scene = Scene::default();
        let (sides, line) = (style.sides(), self.line);
        for (place, (&at, picture)) in self.places.iter().zip(&sheet.pictures).enumerate() {
            if picture.wrong {
                scene.rectangle(at.grown(FRAME), WRONG);
                scene.rectangle(at, Role::Paper);
            }
            scene.image(&picture.image, (place, 0), at);
            if let Some(beside) = &picture.beside {
                scene.image(beside, (place, 1), Area { x: at.right() + BESIDE, ..at });
            }
            for (place, caption) in picture.captions.iter().enumerate() {
                let middle = at.bottom() + FRAME + (place as f32 + 0.65) * line;
                let room = self.pitch - 8.0;
                if let Some(bar) = caption.bar {
                    let share = f32::from(bar.min(1000)) / 1000.0;
                    let ink = if caption.own { Role::Accent } else { Role::Quiet };
                    let bar = Area::new([at.x, middle - 0.42 * line], [(share * room).max(1.0), 0.84 * line]);
                    scene.rectangle(bar, Ink::from(ink).faded(0.3));
                }
                let ink = if caption.own || caption.bar.is_none() { Role::Ink } else { Role::Quiet };
                let text = style.fitted(&caption.text, room - 4.0);
                scene.text(text, [at.x + 2.0, middle], style.text, Align::Left, ink);
            }
        }
        let mut foot = self.foot;
        if sheet.pictures.is_empty() {
            scene.text("no image is among them", [sides, foot + style.text], style.text, Align::Left, Role::Ink);
            foot += 3.0 * style.text;
        }
        if sheet.pictures.iter().any(|picture| picture.wrong) {
            let at = Area::new([sides, foot + 1.0], [10.0, 10.0]);
            scene.rectangle(at, WRONG);
            scene.rectangle(at.grown(-FRAME), Role::Paper);
            scene.text("predicted wrong", [sides + 16.0, at.middle()[1]], style.text, Align::Left, Role::Quiet);
        }
        scene
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{Caption, CaptionedImage, Image, Palette};

    use super::*;
    use crate::scene::text_width;

    #[test]
    fn images_and_their_lines_lie_apart_and_within_the_width() {
        let image = Image {
            label: "image 3".to_owned(),
            filter: None,
            rows: 2,
            columns: 2,
            pixels: vec![0.0, 0.5, 1.0, 0.2],
            palette: Palette::Sequential,
            range: [0.0, 1.0],
        };
        let long = Caption { text: "a class of a rather long name 100 %".to_owned(), own: true, bar: Some(1000) };
        let picture = |wrong| CaptionedImage {
            image: image.clone(),
            number: None,
            beside: None,
            wrong,
            captions: vec![Caption::plain("image 3"), long.clone(), long.clone()],
        };
        for (count, width) in [(1, 720.0), (13, 720.0), (5, 300.0), (0, 720.0)] {
            let pictures = (0..count).map(|place| picture(place % 2 == 0)).collect();
            let figure = ContactSheet { title: String::new(), pictures, notes: Vec::new() };
            let (scene, height) = sheet(&figure, width, Style::FILE);
            let covers = scene.covers(text_width).unwrap();
            assert!(covers.right() <= width && covers.bottom() <= height, "{count}: {covers:?} in {width}×{height}");
            let texts: Vec<_> = scene.texts().filter(|text| text.words != "predicted wrong").collect();
            assert_eq!(texts.len(), if count == 0 { 1 } else { 3 * count });
            let layout = SheetLayout::of(&figure, width, Style::FILE);
            for place in 0..count {
                let at = layout.place(place).unwrap();
                assert_eq!(layout.picture_at(&figure, at.middle()), Some(place));
                assert_eq!(layout.picture_at(&figure, [at.x + 3.0, at.bottom() + 20.0]), Some(place), "its lines");
            }
            assert_eq!(layout.picture_at(&figure, [width - 1.0, 1.0]), None);
        }
    }

    #[test]
    fn what_a_network_makes_of_an_image_is_beside_it() {
        let image = |label: &str| Image {
            label: label.to_owned(),
            filter: None,
            rows: 1,
            columns: 2,
            pixels: vec![0.0, 1.0],
            palette: Palette::Sequential,
            range: [0.0, 1.0],
        };
        let picture = CaptionedImage {
            image: image("own"),
            number: None,
            beside: Some(image("other")),
            wrong: false,
            captions: vec![Caption::plain("loss 1.2")],
        };
        let figure = ContactSheet { title: String::new(), pictures: vec![picture; 5], notes: Vec::new() };
        let (scene, height) = sheet(&figure, 720.0, Style::FILE);
        let covers = scene.covers(text_width).unwrap();
        assert!(covers.right() <= 720.0 && covers.bottom() <= height, "{covers:?}");
        let of = |label: &str| -> Vec<Area> {
            let images = scene.shapes.iter().filter_map(|shape| match shape {
                crate::scene::Shape::Image(picture) if picture.image.label == label => Some(picture.at),
                _ => None,
            });
            images.collect()
        };
        let (own, other) = (of("own"), of("other"));
        assert_eq!((own.len(), other.len()), (5, 5));
        for (one, beside) in own.iter().zip(&other) {
            assert_eq!((one.y, one.width, one.right() + BESIDE), (beside.y, beside.width, beside.x));
        }
        assert!(own[1].x > other[0].right() && own[3].y > other[2].bottom());
    }
}
