//! Which images a batch has.

use revacnn_schemas::{DataCursor, Epoch, ImageIndex, ImageSet};

use crate::data::epoch_order;

/// A place in the order of an epoch, and the image that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) place: u32,
    pub(crate) image: ImageIndex,
}

/// The training images, in the order of one epoch at a time.
///
/// The order is that of all images of the split, also of those that are dropped, which are passed
/// over: so what is dropped changes no other image's place, and branches that drop others are
/// comparable.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    seed: u64,
    images: Vec<ImageIndex>,
    dropped: ImageSet,
    /// Images of an epoch: those that are not dropped.
    kept: usize,
    /// The order of the epoch that was asked for last.
    ordered: Option<(Epoch, Vec<Visit>)>,
}

impl Order {
    /// The orders that a run's seed gives to its training images, of which some are dropped.
    pub(crate) fn new(seed: u64, images: Vec<ImageIndex>, dropped: ImageSet) -> Self {
        let kept = images.iter().filter(|image| !dropped.contains(**image)).count();
        Self { seed, images, dropped, kept, ordered: None }
    }

    /// Images of an epoch.
    pub(crate) fn epoch_images(&self) -> usize {
        self.kept
    }

    /// Places of an epoch's order, also of images that are dropped.
    pub(crate) fn places(&self) -> usize {
        self.images.len()
    }

    /// The images of an epoch in their order.
    pub(super) fn visits(&self, epoch: Epoch) -> Vec<Visit> {
        let places = (0..).zip(epoch_order(self.seed, epoch.0, &self.images));
        let visits = places.map(|(place, image)| Visit { place, image });
        visits.filter(|visit| !self.dropped.contains(visit.image)).collect()
    }

    /// The images of the batch at `cursor`, at most `most`; a batch never
    /// crosses an epoch's end.
    pub(crate) fn batch(&mut self, cursor: DataCursor, most: u32) -> Vec<Visit> {
        if self.ordered.as_ref().is_none_or(|(epoch, _)| *epoch != cursor.epoch) {
            self.ordered = Some((cursor.epoch, self.visits(cursor.epoch)));
        }
        let (_, visits) = self.ordered.as_ref().expect("invariant: the epoch's order was just made");
        let first = before(visits, cursor.offset);
        let end = (first + most as usize).min(visits.len());
        visits[first..end].to_vec()
    }

    /// Where training is after a batch at `cursor`, which [`batch`](Self::batch) gave just now.
    pub(crate) fn after(&self, cursor: DataCursor, batch: &[Visit]) -> DataCursor {
        let mut next = cursor;
        next.images_seen += batch.len() as u64;
        if let Some(last) = batch.last() {
            next.offset = last.place + 1;
        }
        let visits = self.ordered.as_ref().map_or(&[][..], |(_, visits)| visits);
        if visits.last().is_none_or(|last| last.place < next.offset) {
            next.epoch.0 += 1;
            next.offset = 0;
        }
        next
    }

    /// Images of the cursor's epoch that are before it.
    pub(crate) fn seen(&self, cursor: DataCursor) -> usize {
        // Without dropped images a place is a number of images.
        if self.dropped.is_empty() || cursor.offset == 0 {
            return cursor.offset as usize;
        }
        before(&self.visits(cursor.epoch), cursor.offset)
    }

    /// The cursor itself, or the next epoch's beginning where no image of its epoch is left.
    pub(crate) fn settled(&self, cursor: DataCursor) -> DataCursor {
        if self.seen(cursor) < self.kept {
            return cursor;
        }
        DataCursor { epoch: Epoch(cursor.epoch.0 + 1), offset: 0, ..cursor }
    }
}

/// How many of an epoch's images are before a place.
fn before(visits: &[Visit], place: u32) -> usize {
    visits.partition_point(|visit| visit.place < place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(visits: &[Visit]) -> Vec<ImageIndex> {
        visits.iter().map(|visit| visit.image).collect()
    }

    #[test]
    fn an_epoch_ends_with_a_smaller_batch_and_shows_each_image_once() {
        let mut order = Order::new(3, (0..10).map(ImageIndex).collect(), ImageSet::default());
        let mut cursor = DataCursor::default();
        let mut seen = Vec::new();
        let mut sizes = Vec::new();
        while cursor.epoch.0 == 0 {
            let batch = order.batch(cursor, 4);
            sizes.push(batch.len());
            cursor = order.after(cursor, &batch);
            seen.extend(images(&batch));
        }
        assert_eq!(sizes, [4, 4, 2]);
        assert_eq!((cursor.offset, cursor.images_seen), (0, 10));
        assert_ne!(seen, order.images);
        seen.sort_unstable();
        assert_eq!(seen, order.images);
        assert_ne!(order.batch(cursor, 10), order.batch(DataCursor::default(), 10));
    }

    #[test]
    fn what_is_dropped_is_passed_over_and_the_others_keep_their_places() {
        let all: Vec<ImageIndex> = (0..10).map(ImageIndex).collect();
        let mut whole = Order::new(3, all.clone(), ImageSet::default());
        let places = whole.batch(DataCursor::default(), 10);
        // The third, the sixth and the last two of the first epoch.
        let dropped: ImageSet = [2, 5, 8, 9].map(|place| places[place as usize].image).into_iter().collect();
        let mut order = Order::new(3, all, dropped.clone());
        assert_eq!((order.epoch_images(), order.places()), (6, 10));
        let first = order.batch(DataCursor::default(), 4);
        assert_eq!(first, [places[0], places[1], places[3], places[4]]);
        let cursor = order.after(DataCursor::default(), &first);
        assert_eq!((cursor.epoch.0, cursor.offset, cursor.images_seen, order.seen(cursor)), (0, 5, 4, 4));
        let second = order.batch(cursor, 4);
        assert_eq!(second, [places[6], places[7]]);
        let next = order.after(cursor, &second);
        assert_eq!((next.epoch.0, next.offset, next.images_seen), (1, 0, 6));
        // Of a parent's epoch of which the dropped ones alone are left, nothing is.
        let late = DataCursor { offset: 8, images_seen: 8, ..DataCursor::default() };
        assert_eq!(order.settled(late), DataCursor { epoch: Epoch(1), offset: 0, images_seen: 8 });
        let early = DataCursor { offset: 7, images_seen: 7, ..DataCursor::default() };
        assert_eq!((order.settled(early), order.seen(early)), (early, 5));
        let mut all: Vec<ImageIndex> = images(&order.batch(next, 10));
        assert_eq!(all.len(), 6);
        all.extend(dropped.iter());
        all.sort_unstable();
        assert_eq!(all, order.images);
    }
}
