//! What a network says between two images.

use revacnn_schemas::ImageIndex;

use super::Engine;
use crate::TrainerError;
use crate::data::{Part, decode};
use crate::layers::{ImageContext, predicted_class};

impl Engine {
    /// The class that is predicted at so many points of the straight line between each two images, evenly
    /// spread from one to the other without the ends, `[line][point]`.
    ///
    /// # Errors
    /// An image that cannot be read.
    ///
    /// # Determinism
    /// The same for any number of threads.
    pub(crate) fn classes_between(
        &self,
        part: &Part,
        lines: &[[ImageIndex; 2]],
        points: usize,
    ) -> Result<Vec<Vec<u32>>, TrainerError> {
        let shared = self.shared();
        let operations = self.network.operations.len();
        self.look_at_each(lines, |line, workspace| {
            let mut ends = line.map(|_| vec![0.0; self.network.input.len()]);
            for (image, end) in line.iter().zip(&mut ends) {
                decode(&part.image(*image)?, end);
            }
            let [from, to] = &ends;
            let predicted = |point: usize| {
                let share = point as f32 / (points + 1) as f32;
                for (value, (from, to)) in workspace.maps[0].iter_mut().zip(from.iter().zip(to)) {
                    *value = share.mul_add(to - from, *from);
                }
                workspace.forward(shared, ImageContext::EVALUATION, 0..operations);
                let computed = workspace.maps.last().expect("invariant: a network has operations");
                predicted_class(computed) as u32
            };
            Ok((1..=points).map(predicted).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Split, load};
    use crate::{Settings, Trainer, define, preset};

    fn trained(threads: usize) -> Trainer {
        let dataset = Arc::new(load("digits", None).unwrap());
        let definition = define(preset("paper").unwrap(), &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset, threads).unwrap();
        (0..40).for_each(|_| drop(trainer.step().unwrap()));
        trainer
    }

    #[test]
    fn at_the_ends_of_a_line_is_predicted_what_is_predicted_of_the_images() {
        let trainer = trained(1);
        let images: Vec<ImageIndex> = [0, 1, 2, 5, 9, 17].map(ImageIndex).into();
        let predictions = trainer.predict(Split::Train, &images, 1).unwrap();
        let class = |place: usize| predictions[place].classes[0].0;
        let lines: Vec<[ImageIndex; 2]> = (0..5).map(|place| [images[place], images[place + 1]]).collect();
        let found = trainer.classes_between(Split::Train, &lines, 2_000).unwrap();
        for (place, along) in found.iter().enumerate() {
            assert_eq!((along[0], along[1_999]), (class(place), class(place + 1)));
            let changes = along.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(changes < 12, "regions have an inside: {changes}");
        }
        let same = trainer.classes_between(Split::Train, &[[images[3]; 2]], 7).unwrap();
        assert_eq!(same, [vec![class(3); 7]]);
        // From the other side the other way round.
        let back: Vec<[ImageIndex; 2]> = lines.iter().map(|[from, to]| [*to, *from]).collect();
        let turned = trainer.classes_between(Split::Train, &back, 9).unwrap();
        for (mut there, back) in trainer.classes_between(Split::Train, &lines, 9).unwrap().into_iter().zip(turned) {
            there.reverse();
            assert_eq!(there, back);
        }
    }

    #[test]
    fn lines_are_the_same_on_all_threads() {
        let lines: Vec<[ImageIndex; 2]> = (0..50).map(|at| [ImageIndex(at), ImageIndex(3 * at + 1)]).collect();
        let [one, three] = [1, 3].map(|threads| trained(threads).classes_between(Split::Train, &lines, 5).unwrap());
        assert!(one == three && one.iter().all(|along| along.len() == 5));
        assert!(trained(1).classes_between(Split::Train, &[[ImageIndex(0), ImageIndex(1_000_000)]], 5).is_err());
    }
}
