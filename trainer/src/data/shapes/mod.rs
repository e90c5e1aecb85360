//! Ten shapes on textured ground: 7,000 colour images that need no download.
//!
//! Each image is computed from its own keyed stream: a shape in random place, size
//! and rotation, in a random paint on a darker one, with noise. Position and colour say
//! nothing of the class, and brightness little: a linear classifier reaches about 29 %
//! of the test images, and three convolutions of 16, 20 and 20 filters about 97 % after
//! 4,000 steps of four images (PyTorch, Adadelta, ten seeds: 94.8 % to 99.1 %).
//!
//! # Determinism
//!
//! Additions, multiplications, divisions and square roots of `f32`, and `libm` for a
//! few angles an image: the same bytes on every machine, in any order of computation.
//! The digest in [`SOURCE`] says so in a test.

mod outline;
mod paint;

use std::f32::consts::TAU;

use self::outline::{NAMES, Outline, Point};
use self::paint::{between, blend, draw_pair, rough_normal};
use super::dataset::Dataset;
use super::error::DataError;
use super::part::Part;
use super::source::{Location, Source};
use super::stream::Stream;
use crate::threads::Threads;
use revacnn_schemas::{AugmentationSpec, DatasetIdentity, ImageShape};

const NAME: &str = "shapes";
const SIDE: usize = 32;
const SHAPE: ImageShape = ImageShape { channels: 3, height: SIDE, width: SIDE };
const TRAIN_IMAGES: u32 = 6_000;
const TEST_IMAGES: u32 = 1_000;

/// The smallest and the largest radius in pixels.
const RADIUS: (f32, f32) = (9.0, 13.0);

/// The smallest and the largest standard deviation of the noise, of a range of 1.
const NOISE: (f32, f32) = (0.02, 0.08);

pub(super) const SOURCE: Source = Source {
    name: NAME,
    shape: SHAPE,
    classes: &NAMES,
    augmentation: AugmentationSpec::SHIFT_AND_FLIP,
    from: "computed by this program",
    licence: "MIT OR Apache-2.0, like the program",
    digest: Some(DIGEST),
    location: Location::BuiltIn { train_images: TRAIN_IMAGES, test_images: TEST_IMAGES, load },
};

/// The digest of all images and labels.
const DIGEST: &str = "6c06de067faa257342cddd1a04441f79ac840504d024605df413f5cc890159c6";

/// All labels, and the images once somebody looks at one: many commands never do.
fn load() -> Result<Dataset, DataError> {
    let names = NAMES.map(str::to_owned).to_vec();
    let digest = DIGEST.parse().expect("invariant: 64 hexadecimal digits");
    let labels = |count: u32| (0..count).map(label).collect();
    let train = Part::drawn(labels(TRAIN_IMAGES), SHAPE, || draw(&Threads::of_all_cores(), 0, TRAIN_IMAGES));
    let test = Part::drawn(labels(TEST_IMAGES), SHAPE, || draw(&Threads::of_all_cores(), 1, TEST_IMAGES));
    let identity = DatasetIdentity { name: NAME.to_owned(), digest };
    Ok(Dataset::known(identity, SHAPE, names, [train, test], SOURCE.augmentation))
}

/// The images of a part, in parallel; parts are numbered training 0, test 1.
fn draw(threads: &Threads, part: u64, count: u32) -> Vec<u8> {
    let mut images = vec![0; count as usize * SHAPE.len()];
    let mut places: Vec<(&mut [u8], u8)> = images.chunks_exact_mut(SHAPE.len()).zip((0..count).map(label)).collect();
    threads.for_each(&mut places, |index, (image, label)| {
        let mut stream = Stream::new("shapes", &[part, index as u64]);
        draw_image(&mut stream, *label, image);
    });
    images
}

/// All classes in turn, the turn moved by one every ten images, so that the images
/// held out for validation (every tenth) have all classes equally often too.
fn label(index: u32) -> u8 {
    ((index + index / 10) % 10) as u8
}

/// Draws one image, `[channel][row][column]`.
fn draw_image(stream: &mut Stream, label: u8, image: &mut [u8]) {
    let outline = Outline::of_label(label);
    let radius = between(stream, RADIUS.0, RADIUS.1);
    let angle = between(stream, 0.0, TAU);
    let (sin, cos) = (libm::sinf(angle), libm::cosf(angle));
    // The shape stays inside but for a corner at times.
    let room = SIDE as f32 / 2.0 - radius;
    let middle = Point { x: between(stream, -room, room), y: between(stream, -room, room) };
    let (front, back) = draw_pair(stream);
    let noise = between(stream, NOISE.0, NOISE.1);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let from_middle = |place: usize| place as f32 - (SIDE as f32 - 1.0) / 2.0;
            let (x, y) = (from_middle(column), from_middle(row));
            let (right, down) = (x - middle.x, y - middle.y);
            let turned = Point { x: (right * cos + down * sin) / radius, y: (down * cos - right * sin) / radius };
            // One pixel of transition at the border.
            let cover = (0.5 - outline.distance(turned) * radius).clamp(0.0, 1.0);
            let colour = blend(back.at(x, y), front.at(x, y), cover);
            for (channel, value) in colour.into_iter().enumerate() {
                let value = value + noise * rough_normal(stream);
                image[(channel * SIDE + row) * SIDE + column] = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_never_changes() {
        let shapes = load().unwrap();
        assert_eq!(shapes.content().unwrap(), shapes.identity().digest);
        assert_eq!(shapes.identity().digest.to_string(), SOURCE.digest.unwrap());
    }

    #[test]
    fn an_image_is_the_same_alone_and_among_others() {
        let shapes = load().unwrap();
        let mut image = vec![0; SHAPE.len()];
        draw_image(&mut Stream::new("shapes", &[1, 437]), label(437), &mut image);
        assert_eq!(image, &shapes.test().images()[437 * SHAPE.len()..][..SHAPE.len()]);
    }

    #[test]
    fn thread_count_changes_nothing() {
        let with = |threads: usize| draw(&Threads::new(threads).unwrap(), 0, 300);
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn classes_are_balanced_in_every_split() {
        for held_out in [true, false] {
            let mut counts = [0; 10];
            for index in (0..TRAIN_IMAGES).filter(|index| (index % 10 == 9) == held_out) {
                counts[usize::from(label(index))] += 1;
            }
            assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
        }
    }
}
