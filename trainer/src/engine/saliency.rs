//! Where a network looks: what of an image its output for a class depends on.

use revacnn_schemas::ImageShape;

use super::Engine;
use super::workspace::Workspace;
use crate::data::decode;
use crate::layers::ImageContext;

/// What of an image the output for a class depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Saliency {
    /// The class that is looked at.
    pub class: u32,
    /// What the class layer says of it: its probability, or a score or a value.
    pub output: f32,
    /// Gradient of what the class layer computed for the class, before a softmax, with respect to
    /// the image, `[channel][row][column]` (Simonyan, Vedaldi and Zisserman, *Deep Inside
    /// Convolutional Networks*, 2014).
    pub gradient: Vec<f32>,
    /// The same where a ReLU lets through backwards only what is positive (Springenberg et al.,
    /// *Striving for Simplicity*, 2015).
    pub guided: Vec<f32>,
    /// How much the output falls where a grey square hides a part of the image (Zeiler and
    /// Fergus, 2014).
    pub occlusion: SaliencyMap,
    /// The maps of the last block that has more than one place, weighted by the mean gradient of
    /// each, and of that what is positive (Selvaraju et al., *Grad-CAM*, 2017); `None` where no
    /// block has.
    pub grad_cam: Option<SaliencyMap>,
}

/// A map over an image, coarser than it.
#[derive(Debug, Clone, PartialEq)]
pub struct SaliencyMap {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// `[row][column]`
    pub values: Vec<f32>,
}

/// A square hides a quarter of the shorter side, and moves by a quarter of itself.
const HIDDEN: usize = 4;

impl Engine {
    /// Looks at what of an image, `[channel][row][column]`, the output for a class depends on; for
    /// the class that is predicted where `None`. The network has classes.
    ///
    /// # Determinism
    /// The same for any number of threads.
    pub(crate) fn saliency(&self, image: &[u8], class: Option<usize>) -> Saliency {
        let mut workspace = Workspace::new(&self.network, true);
        decode(image, &mut workspace.maps[0]);
        let operations = self.network.operations.len();
        let context = ImageContext { keep: true, ..ImageContext::EVALUATION };
        workspace.forward(self.shared(), context, 0..operations);
        // What is predicted is so whatever the label.
        workspace.score(0, None);
        let class = class.or(workspace.outcome.predicted).expect("invariant: who asks has seen that there are classes");
        let guided = self.gradient_of(&mut workspace, class, true);
        let gradient = self.gradient_of(&mut workspace, class, false);
        let grad_cam = self.grad_cam(&workspace);
        let output = workspace.outputs[class];
        let occlusion = self.occlusion(&workspace.maps[0], class, output);
        Saliency { class: class as u32, output, gradient, guided, occlusion, grad_cam }
    }

    /// The gradient of a class's output with respect to the image, and, in the workspace, to every map.
    fn gradient_of(&self, workspace: &mut Workspace, class: usize, guided: bool) -> Vec<f32> {
        let context = ImageContext { keep: true, ..ImageContext::EVALUATION };
        let wanted = vec![true; workspace.maps.len()];
        if let Some(last) = workspace.gradients.last_mut() {
            last.fill(0.0);
            last[class] = 1.0;
        }
        for index in (0..self.network.operations.len()).rev() {
            if guided && self.network.operations[index].operation.is_relu() {
                workspace.gradients[index + 1].iter_mut().for_each(|gradient| *gradient = gradient.max(0.0));
            }
            workspace.backward(self.shared(), context, index..index + 1, &wanted, None);
        }
        workspace.gradients[0].clone()
    }

    fn grad_cam(&self, workspace: &Workspace) -> Option<SaliencyMap> {
        let shape = |last: usize| self.network.operations[last].operation.output();
        let is_map = |last: &usize| shape(*last).height * shape(*last).width > 1;
        let last = self.network.blocks.iter().map(|block| block.last).rfind(is_map)?;
        let ImageShape { height, width, .. } = shape(last);
        let (maps, gradients) = (&workspace.maps[last + 1], &workspace.gradients[last + 1]);
        let mut values = vec![0.0_f32; height * width];
        for (map, gradient) in maps.chunks_exact(height * width).zip(gradients.chunks_exact(height * width)) {
            let mean = gradient.iter().map(|&value| f64::from(value)).sum::<f64>() / (height * width) as f64;
            values.iter_mut().zip(map).for_each(|(sum, &value)| *sum += mean as f32 * value);
        }
        values.iter_mut().for_each(|value| *value = value.max(0.0));
        Some(SaliencyMap { rows: height, columns: width, values })
    }

    fn occlusion(&self, image: &[f32], class: usize, output: f32) -> SaliencyMap {
        let ImageShape { channels, height, width } = self.network.input;
        let side = (height.min(width) / HIDDEN).max(1);
        let stride = (side / HIDDEN).max(1);
        let places = |length: usize| (length - side) / stride + 1;
        let (rows, columns) = (places(height), places(width));
        let operations = self.network.operations.len();
        let mut portions: Vec<(usize, Vec<f32>)> = (0..rows).map(|row| (row, Vec::with_capacity(columns))).collect();
        let shared = self.shared();
        self.threads.for_each_on_all(&mut portions, |_, (row, falls)| {
            let mut workspace = Workspace::new(&self.network, false);
            for column in 0..columns {
                let hidden = &mut workspace.maps[0];
                hidden.copy_from_slice(image);
                for channel in 0..channels {
                    for line in *row * stride..*row * stride + side {
                        let first = (channel * height + line) * width + column * stride;
                        // The middle grey of decoded images.
                        hidden[first..first + side].fill(0.0);
                    }
                }
                workspace.forward(shared, ImageContext::EVALUATION, 0..operations);
                workspace.score(class, None);
                falls.push(output - workspace.outputs[class]);
            }
        });
        SaliencyMap { rows, columns, values: portions.into_iter().flat_map(|(_, falls)| falls).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use revacnn_schemas::{ImageIndex, NetworkSpec};

    use super::*;
    use crate::data::load;
    use crate::{Settings, Trainer, define};

    fn trained(threads: usize) -> Trainer {
        let text = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
                    [[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\n\
                    [[layer]]\nkind = \"add\"\nreads = [\"conv2\", \"conv1\"]\n\
                    [[layer]]\nkind = \"activation\"\nfunction = \"relu\"\n\
                    [[layer]]\nkind = \"pool\"\nkernel = 2\nmethod = \"average\"\n[[layer]]\nkind = \"softmax\"\n";
        let dataset = Arc::new(load("digits", None).unwrap());
        let network = NetworkSpec::from_toml(text).unwrap();
        let definition = define(network, &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset, threads).unwrap();
        for _ in 0..30 {
            trainer.step().unwrap();
        }
        trainer
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let trainer = trained(1);
        let engine = trainer.engine();
        let (part, image, class) = (trainer.dataset().train(), ImageIndex(5), 3);
        let found = engine.saliency(&part.image(image).unwrap(), Some(class));
        let mut workspace = Workspace::new(engine.network(), false);
        let mut score = |pixel: usize, by: f32| {
            decode(&part.image(image).unwrap(), &mut workspace.maps[0]);
            workspace.maps[0][pixel] += by;
            workspace.forward(engine.shared(), ImageContext::EVALUATION, 0..engine.network().operations.len());
            f64::from(workspace.maps.last().unwrap()[class])
        };
        let mut compared = 0;
        for pixel in 0..64 {
            let step = 1e-2;
            let [up, here, down] = [step, 0.0, -step].map(|by| score(pixel, by));
            let expected = (up - down) / (2.0 * f64::from(step));
            // Between two pieces of what is piecewise linear there is no one slope.
            if ((up - here) - (here - down)).abs() > 2e-5 {
                continue;
            }
            compared += 1;
            let gradient = f64::from(found.gradient[pixel]);
            assert!((gradient - expected).abs() < 2e-3 * (1.0 + expected.abs()), "{pixel}: {gradient} {expected}");
        }
        assert!(compared > 30, "{compared}");
    }

    #[test]
    fn maps_have_their_shapes_and_are_the_same_on_all_threads() {
        let [one, three] = [1, 3].map(|threads| {
            let trainer = trained(threads);
            trainer.engine().saliency(&trainer.dataset().train().image(ImageIndex(9)).unwrap(), None)
        });
        assert_eq!(one, three);
        // A square of 2 by 2 that moves by 1.
        assert_eq!((one.occlusion.rows, one.occlusion.columns, one.occlusion.values.len()), (7, 7, 49));
        let map = one.grad_cam.unwrap();
        assert_eq!((map.rows, map.columns), (8, 8));
        assert!(map.values.iter().all(|value| *value >= 0.0) && map.values.iter().any(|value| *value > 0.0));
        assert_eq!((one.gradient.len(), one.guided.len()), (64, 64));
        assert!(one.guided != one.gradient && one.guided.iter().any(|value| *value != 0.0));
    }
}
