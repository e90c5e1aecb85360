//! The order in which an epoch visits the training images.

use super::stream::Stream;
use revacnn_schemas::ImageIndex;

/// The training images in the order of an epoch: a permutation drawn anew each
/// epoch, every one equally likely.
///
/// # Determinism
///
/// A function of the arguments alone: a Fisher–Yates shuffle from the last place to
/// the second, from the stream ("order", seed, epoch). So any epoch's order is known
/// without those before it.
pub fn epoch_order(seed: u64, epoch: u64, train_indices: &[ImageIndex]) -> Vec<ImageIndex> {
    let mut order = train_indices.to_vec();
    let mut stream = Stream::new("order", &[seed, epoch]);
    for place in (1..order.len()).rev() {
        let other = stream.below(place as u64 + 1);
        order.swap(place, other as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(count: u32) -> Vec<ImageIndex> {
        (0..count).map(ImageIndex).collect()
    }

    #[test]
    fn the_order_of_an_epoch_never_changes() {
        let order: Vec<u32> = epoch_order(1, 0, &numbers(10)).iter().map(|i| i.0).collect();
        assert_eq!(order, [3, 2, 5, 4, 0, 1, 8, 7, 6, 9]);
        let order: Vec<u32> = epoch_order(1, 1, &numbers(10)).iter().map(|i| i.0).collect();
        assert_eq!(order, [4, 1, 6, 0, 9, 2, 5, 8, 7, 3]);
    }

    #[test]
    fn every_image_comes_first_equally_often() {
        let mut first = [0u32; 5];
        for epoch in 0..10_000 {
            first[epoch_order(3, epoch, &numbers(5))[0].0 as usize] += 1;
        }
        assert!(first.iter().all(|count| (1_850..2_150).contains(count)), "{first:?}");
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation(seed: u64, epoch: u64, count in 0u32..400) {
            let images: Vec<ImageIndex> = (0..count).map(|i| ImageIndex(i * 3 + 1)).collect();
            let mut order = epoch_order(seed, epoch, &images);
            prop_assert_eq!(&order, &epoch_order(seed, epoch, &images));
            order.sort_unstable();
            prop_assert_eq!(order, images);
        }

        #[test]
        fn seed_and_epoch_both_matter(seed: u64, epoch in 0u64..1_000_000) {
            let images = numbers(100);
            let order = epoch_order(seed, epoch, &images);
            prop_assert_ne!(&order, &epoch_order(seed, epoch + 1, &images));
            prop_assert_ne!(&order, &epoch_order(seed.wrapping_add(1), epoch, &images));
        }
    }
}
