//! Images that excite a filter most, found by gradient ascent.

use revacnn_schemas::ImageShape;

use super::Engine;
use super::workspace::Workspace;
use crate::data::Stream;
use crate::layers::ImageContext;

/// Blurring and clipping come after so many gradients.
const EVERY: u32 = 4;

/// How far a gradient moves the values of an image in the mean, of which black and white are 1 apart.
const STEP: f32 = 0.05;

/// The spread of the noise that an image begins with.
const NOISE: f32 = 0.1;

/// The darkest and the lightest that a network reads.
const ENDS: [f32; 2] = [-0.5, 0.5];

/// How an image is sought that excites a filter most: gradient ascent from noise, with what keeps it
/// from being noise.
///
/// Source: Yosinski, Clune, Nguyen, Fuchs and Lipson, *Understanding Neural Networks Through Deep
/// Visualization* (2015), section 3: decay, Gaussian blur, and clipping of pixels with small norm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ascent {
    /// Gradients that each image climbs.
    pub iterations: u32,
    /// By which share of themselves values fall towards grey with each gradient, from 0 to below 1.
    pub decay: f64,
    /// The standard deviation of the Gaussian by which every fourth image is blurred, in pixels; 0 blurs nothing.
    pub blur: f64,
    /// The share of the pixels that become grey with every fourth image, those nearest to it; from 0 to below 1.
    pub clip: f64,
    /// Of the noise.
    pub seed: u64,
}

impl Ascent {
    /// Refuses what is no way to climb.
    ///
    /// # Errors
    /// What was expected, and what was found: a share that is not from 0 to below 1, and a blur that is not from 0
    /// to 16 pixels.
    pub fn check(&self) -> Result<(), String> {
        for (name, share) in [("decay", self.decay), ("clip", self.clip)] {
            if !(0.0..1.0).contains(&share) {
                return Err(format!("{name} must be from 0 to below 1, found {share}"));
            }
        }
        match self.blur {
            0.0..=16.0 => Ok(()),
            blur => Err(format!("blur must be from 0 to 16 pixels, found {blur}")),
        }
    }
}

impl Default for Ascent {
    fn default() -> Self {
        Self { iterations: 128, decay: 0.1, blur: 1.0, clip: 0.1, seed: 0 }
    }
}

/// An image that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Maximised {
    /// Its values as the network reads them, `[channel][row][column]`, from −0.5 to 0.5.
    pub image: Vec<f32>,
    /// What the filter's map has in its middle for it.
    pub value: f32,
    /// The row and the column of that middle.
    pub middle: [u32; 2],
    /// Whether the noise had a gradient to climb: a dead filter has none, nor has a network that has diverged.
    pub climbed: bool,
}

impl Engine {
    /// Images that excite filters of a block most, `[filter][start]`: each filter climbs from the same
    /// starts, so that what differs between filters, steps and branches is theirs.
    ///
    /// What grows is the value in the middle of the filter's map, before its ReLU if it has one; of the
    /// class layer, what is computed before a softmax.
    ///
    /// # Determinism
    /// The same for any number of threads. Noise is keyed (seed, start).
    pub(crate) fn maximise(
        &self,
        block: usize,
        filters: &[usize],
        starts: usize,
        ascent: &Ascent,
    ) -> Vec<Vec<Maximised>> {
        let mut all: Vec<(usize, u64, Option<Maximised>)> =
            filters.iter().flat_map(|&filter| (0..starts as u64).map(move |start| (filter, start, None))).collect();
        self.threads.for_each_on_all(&mut all, |_, (filter, start, found)| {
            *found = Some(self.climb(block, *filter, *start, ascent));
        });
        let mut found = all.into_iter().map(|(.., found)| found.expect("invariant: each has climbed"));
        filters.iter().map(|_| found.by_ref().take(starts).collect()).collect()
    }

    fn climb(&self, block: usize, filter: usize, start: u64, ascent: &Ascent) -> Maximised {
        let context = ImageContext { keep: true, ..ImageContext::EVALUATION };
        let shape = self.network.input;
        let (end, seen) = self.grown(block);
        let out = self.network.operations[end].operation.output();
        let middle = [out.height / 2, out.width / 2];
        let place = (filter * out.height + middle[0]) * out.width + middle[1];
        let mut workspace = Workspace::new(&self.network, true);
        let wanted = vec![true; workspace.maps.len()];
        let mut stream = Stream::new("maximise", &[ascent.seed, start]);
        let mut image: Vec<f32> =
            (0..shape.len()).map(|_| (NOISE * stream.normal_f32()).clamp(ENDS[0], ENDS[1])).collect();
        let kernel = gaussian(ascent.blur);
        let kept = (1.0 - ascent.decay) as f32;
        let mut climbed = false;
        for iteration in 1..=ascent.iterations {
            workspace.maps[0].copy_from_slice(&image);
            workspace.forward(self.shared(), context, 0..end + 1);
            // What only layers behind read has no gradient.
            workspace.gradients.iter_mut().for_each(|gradient| gradient.fill(0.0));
            workspace.gradients[seen][place] = 1.0;
            workspace.backward(self.shared(), context, 0..seen, &wanted, None);
            let slope = &workspace.gradients[0];
            let mean = slope.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>() / slope.len() as f64;
            let length = mean.sqrt() as f32;
            if !(length.is_finite() && length > 0.0) {
                break;
            }
            climbed = true;
            for (value, slope) in image.iter_mut().zip(slope) {
                *value = ((*value + STEP * slope / length) * kept).clamp(ENDS[0], ENDS[1]);
            }
            if iteration.is_multiple_of(EVERY) {
                blur(&mut image, shape, &kernel);
                clip(&mut image, shape, ascent.clip);
            }
        }
        workspace.maps[0].copy_from_slice(&image);
        workspace.forward(self.shared(), context, 0..end + 1);
        let value = workspace.maps[end + 1][(filter * out.height + middle[0]) * out.width + middle[1]];
        Maximised { image, value, middle: middle.map(|at| at as u32), climbed }
    }

    /// The last operation of a block, and the map whose values grow: what its ReLU reads, or what it
    /// gives.
    fn grown(&self, block: usize) -> (usize, usize) {
        let end = self.network.blocks[block].last;
        let unit = &self.network.operations[end];
        (end, if unit.operation.is_relu() { unit.reads[0].map } else { end + 1 })
    }
}

/// The weights of a Gaussian from its middle on, which add up to 1 with those of the other half.
fn gaussian(deviation: f64) -> Vec<f32> {
    if deviation <= 0.0 {
        return vec![1.0];
    }
    let reach = (3.0 * deviation).ceil() as usize;
    let weight = |at: usize| libm::exp(-0.5 * (at as f64 / deviation).powi(2));
    let half: Vec<f64> = (0..=reach).map(weight).collect();
    let all = half[0] + 2.0 * half[1..].iter().sum::<f64>();
    half.into_iter().map(|weight| (weight / all) as f32).collect()
}

/// Blurs rows and then columns; beyond an edge, pixels are those of the edge.
fn blur(image: &mut [f32], ImageShape { height, width, .. }: ImageShape, kernel: &[f32]) {
    if kernel.len() < 2 {
        return;
    }
    let mut line = Vec::with_capacity(height.max(width));
    for map in image.chunks_exact_mut(height * width) {
        let lines =
            (0..height).map(|row| (row * width, 1, width)).chain((0..width).map(|column| (column, width, height)));
        for (first, apart, length) in lines {
            line.clear();
            line.extend((0..length).map(|at| map[first + at * apart]));
            for at in 0..length {
                let mut sum = kernel[0] * line[at];
                for (by, weight) in kernel.iter().enumerate().skip(1) {
                    sum += weight * (line[at.saturating_sub(by)] + line[(at + by).min(length - 1)]);
                }
                map[first + at * apart] = sum;
            }
        }
    }
}

/// Makes a share of the pixels grey, those nearest to it in all channels together; of equal ones the first.
fn clip(image: &mut [f32], ImageShape { channels, height, width }: ImageShape, share: f64) {
    let pixels = height * width;
    let count = (share * pixels as f64) as usize;
    if count == 0 {
        return;
    }
    let norm = |pixel: usize| -> f32 {
        (0..channels).map(|channel| image[channel * pixels + pixel]).map(|value| value * value).sum()
    };
    let mut order: Vec<(f32, usize)> = (0..pixels).map(|pixel| (norm(pixel), pixel)).collect();
    order.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    for &(_, pixel) in &order[..count.min(pixels)] {
        (0..channels).for_each(|channel| image[channel * pixels + pixel] = 0.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use revacnn_schemas::NetworkSpec;

    use super::*;
    use crate::data::load;
    use crate::{Settings, Trainer, define};

    fn trained(text: &str, threads: usize) -> Trainer {
        let dataset = Arc::new(load("digits", None).unwrap());
        let definition = define(NetworkSpec::from_toml(text).unwrap(), &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset, threads).unwrap();
        (0..30).for_each(|_| drop(trainer.step().unwrap()));
        trainer
    }

    const DEEP: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
                        [[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\n\
                        [[layer]]\nkind = \"add\"\nreads = [\"conv2\", \"conv1\"]\n\
                        [[layer]]\nkind = \"activation\"\nfunction = \"relu\"\n\
                        [[layer]]\nkind = \"pool\"\nkernel = 2\n[[layer]]\nkind = \"softmax\"\n";

    const PLAIN: Ascent = Ascent { iterations: 400, decay: 0.0, blur: 0.0, clip: 0.0, seed: 0 };

    /// Of a filter that sums up pixels alone, the image is known: black or white by the sign of each weight.
    #[test]
    fn without_regularisers_a_filter_of_the_first_layer_gets_the_signs_of_its_weights() {
        let trainer =
            trained("[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n", 1);
        let engine = trainer.engine();
        let state = &engine.parameters()[0];
        for (filter, found) in engine.maximise(0, &[0, 1, 2], 2, &PLAIN).iter().enumerate() {
            let weights = &state.weights[filter * 9..][..9];
            let most = weights.iter().map(|weight| 0.5 * weight.abs()).sum::<f32>() + state.biases[filter];
            for one in found {
                assert_eq!(one.middle, [3, 3]);
                assert!((most - one.value).abs() < 0.02 * most.abs(), "{} of {most}", one.value);
                for (place, weight) in weights.iter().enumerate().filter(|(_, weight)| weight.abs() > 0.05) {
                    let pixel = one.image[(3 + place / 3) * 8 + 3 + place % 3];
                    assert_eq!(pixel, 0.5 * weight.signum(), "{place}");
                }
                // What the filter does not see stays noise.
                assert!(one.image[0].abs() < 0.45);
            }
        }
    }

    /// Through sums, pools and other layers it climbs above what any image of the data reaches there.
    #[test]
    fn every_layer_is_excited_more_than_by_noise_and_the_same_on_all_threads() {
        let [one, three] = [1, 3].map(|threads| trained(DEEP, threads));
        let blocks = one.topology().blocks().count();
        for block in 0..blocks {
            let filters: Vec<usize> = (0..4).collect();
            let found = one.engine().maximise(block, &filters, 2, &Ascent::default());
            assert_eq!(found, three.engine().maximise(block, &filters, 2, &Ascent::default()), "block {block}");
            let noise = one.engine().maximise(block, &filters, 2, &Ascent { iterations: 0, ..Ascent::default() });
            for (filter, (found, noise)) in found.iter().zip(&noise).enumerate() {
                for (found, noise) in found.iter().zip(noise) {
                    assert!(found.value > noise.value || noise.image == found.image, "{block}/{filter}");
                    assert!(found.image.iter().all(|value| (-0.5..=0.5).contains(value)));
                }
            }
            assert!(found.iter().flatten().any(|one| one.climbed) && !noise.iter().flatten().any(|one| one.climbed));
            let grew =
                found.iter().flatten().zip(noise.iter().flatten()).filter(|(found, noise)| found.value > noise.value);
            assert!(grew.count() >= 6, "block {block}");
        }
    }

    #[test]
    fn decay_blur_and_clipping_make_an_image_calmer() {
        let trainer = trained(DEEP, 1);
        let found = |ascent: Ascent| trainer.engine().maximise(1, &[1], 1, &ascent).remove(0).remove(0).image;
        let rough = |image: &[f32]| -> f32 {
            image.chunks_exact(8).flat_map(|row| row.windows(2)).map(|pair| (pair[0] - pair[1]).abs()).sum()
        };
        let plain = found(PLAIN);
        assert!(rough(&found(Ascent { blur: 1.0, ..PLAIN })) < 0.8 * rough(&plain));
        let size = |image: &[f32]| image.iter().map(|value| value.abs()).sum::<f32>();
        assert!(size(&found(Ascent { decay: 0.1, ..PLAIN })) < 0.9 * size(&plain));
        let clipped = found(Ascent { clip: 0.5, iterations: 5, ..PLAIN });
        let grey = found(Ascent { iterations: 5, ..PLAIN });
        assert!(size(&clipped) < size(&grey));
    }

    #[test]
    fn a_blur_keeps_what_is_even_and_spreads_what_is_not() {
        let kernel = gaussian(1.0);
        let all = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
        assert!((all - 1.0).abs() < 1e-6 && kernel.len() == 4);
        let shape = ImageShape { channels: 1, height: 5, width: 4 };
        let mut even = vec![0.25; 20];
        blur(&mut even, shape, &kernel);
        assert!(even.iter().all(|value| (value - 0.25).abs() < 1e-6));
        let mut point = vec![0.0; 20];
        point[9] = 1.0;
        blur(&mut point, shape, &kernel);
        assert!(point[9] < 0.3 && point[9] > point[10] && point[10] > point[11] && point[13] > 0.0);
        assert!(blurred_by_nothing(&point, shape));
    }

    fn blurred_by_nothing(image: &[f32], shape: ImageShape) -> bool {
        let mut same = image.to_vec();
        blur(&mut same, shape, &gaussian(0.0));
        same == image
    }

    #[test]
    fn clipping_takes_the_pixels_that_are_nearest_to_grey() {
        let shape = ImageShape { channels: 2, height: 1, width: 4 };
        let mut image = vec![0.1, -0.4, 0.0, 0.2, 0.1, 0.0, 0.3, 0.0];
        clip(&mut image, shape, 0.5);
        assert_eq!(image, [0.0, -0.4, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0]);
    }
}
