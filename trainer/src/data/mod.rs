//! Data sets: finding and reading them, the order of an epoch, augmentation, and the
//! keyed random streams that everything random in the trainer is drawn from.
//!
//! | file | concept |
//! |---|---|
//! | [`stream`](Stream) | keyed random streams |
//! | [`dataset`](Dataset) | parts, shape, classes, the split for validation |
//! | [`part`](Part), `pixels` | images and labels of one part; images in memory or in a file |
//! | `source` | what is known about a data set before it is loaded |
//! | `identity` | the digest that names a data set's content |
//! | [`digits`](load), `shapes`, `cifar10`, `cifar100`, `mnist` | one data set each; `mnist` has two |
//! | [`catalogue`] | the table of data sets; from a name or path to a [`Dataset`] |
//! | `own` | data sets of a person's own, by what lies at a path; [pictures](OwnPicture) that are in none |
//! | [`find`] | a recorded run's data set, wherever it was moved |
//! | [`check`] | counts, means and digests for people |
//! | [`sheet`](contact_sheet) | a picture of some images of each class |
//! | [`order`](epoch_order) | the permutation of an epoch |
//! | `augment` | crops, brightness and contrast, shifts and mirror images, cutout |
//!
//! # Adding a data set
//!
//! Write a file that has one `SOURCE` constant and a function that returns a
//! [`Dataset`], like `digits.rs`; name it here as a module, and put the constant
//! into the table `SOURCES` of `catalogue.rs`.

mod augment;
mod catalogue;
mod check;
mod cifar10;
mod cifar100;
mod dataset;
mod digits;
mod error;
mod find;
mod identity;
mod mnist;
mod order;
mod own;
mod part;
mod pixels;
mod shapes;
mod sheet;
mod source;
mod stream;

pub(crate) use augment::{augment, check as check_augmentation, draw};
pub use catalogue::{Availability, CatalogueEntry, catalogue, load, load_as, published};
pub use check::{ChannelStatistics, CheckReport, ClassCount, Overlap, check, check_as};
pub use dataset::{Dataset, Split, Taken, VALIDATION_EVERY, decode};
pub use error::DataError;
pub use find::find;
pub use order::epoch_order;
pub use own::OwnPicture;
pub use part::Part;
pub use sheet::contact_sheet;
pub use stream::Stream;
