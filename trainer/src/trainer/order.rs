//! Which images a batch has.

use revacnn_schemas::{DataCursor, Epoch, ImageIndex};

use crate::data::epoch_order;

/// The training images, in the order of one epoch at a time.
#[derive(Debug)]
pub(crate) struct Order {
    seed: u64,
    images: Vec<ImageIndex>,
    /// The order of the epoch that was asked for last.
    ordered: Option<(Epoch, Vec<ImageIndex>)>,
}

impl Order {
    /// The orders that a run's seed gives to its training images.
    pub(crate) fn new(seed: u64, images: Vec<ImageIndex>) -> Self {
        Self { seed, images, ordered: None }
    }

    /// Images of an epoch.
    pub(crate) fn epoch_images(&self) -> usize {
        self.images.len()
    }

    /// The images of the batch at `cursor`, at most `most`; a batch never
    /// crosses an epoch's end.
    pub(crate) fn batch(&mut self, cursor: DataCursor, most: u32) -> Vec<ImageIndex> {
        let Self { seed, images, ordered } = self;
        if ordered.as_ref().is_none_or(|(epoch, _)| *epoch != cursor.epoch) {
            *ordered = Some((cursor.epoch, epoch_order(*seed, cursor.epoch.0, images)));
        }
        let (_, images) = ordered.as_ref().expect("invariant: the epoch's order was just made");
        let first = cursor.offset as usize;
        let end = (first + most as usize).min(images.len());
        images[first..end].to_vec()
    }

    /// Where training is after a batch of `images` images at `cursor`.
    pub(crate) fn after(&self, cursor: DataCursor, images: usize) -> DataCursor {
        let mut next = cursor;
        next.images_seen += images as u64;
        next.offset += images as u32;
        if next.offset as usize == self.images.len() {
            next.epoch.0 += 1;
            next.offset = 0;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_with_a_smaller_batch_and_shows_each_image_once() {
        let mut order = Order::new(3, (0..10).map(ImageIndex).collect());
        let mut cursor = DataCursor::default();
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        while cursor.epoch.0 == 0 {
            let batch = order.batch(cursor, 4);
            sizes.push(batch.len());
            cursor = order.after(cursor, batch.len());
            seen.extend(batch);
        }
        assert_eq!(sizes, [4, 4, 2]);
        assert_eq!((cursor.offset, cursor.images_seen), (0, 10));
        assert_ne!(seen, order.images);
        seen.sort_unstable();
        assert_eq!(seen, order.images);
        assert_ne!(order.batch(cursor, 10), order.batch(DataCursor::default(), 10));
    }
}
