//! MNIST, and Fashion-MNIST, which comes in its form.
//!
//! Sources: Y. LeCun, C. Cortes and C. Burges, *The MNIST database of handwritten digits*;
//! H. Xiao, K. Rasul and R. Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
//! Learning Algorithms* (2017).

use super::source::{Location, Source};
use revacnn_schemas::{AugmentationSpec, DataFormat, ImageShape, PackedFile, Packing, Published, PublishedFile};

const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The names of Fashion-MNIST's classes.
pub(super) const FASHION: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// 60,000 and 10,000 images behind a header of 16 bytes, labels behind one of 8.
const CONTENTS: [&[PackedFile<'_>]; 4] = [
    &[PackedFile::of("train-images-idx3-ubyte", 47_040_016)],
    &[PackedFile::of("train-labels-idx1-ubyte", 60_008)],
    &[PackedFile::of("t10k-images-idx3-ubyte", 7_840_016)],
    &[PackedFile::of("t10k-labels-idx1-ubyte", 10_008)],
];

const fn file(name: &'static str, bytes: u64, sha256: &'static str, part: usize) -> PublishedFile<'static> {
    PublishedFile { name, bytes, sha256, packing: Packing::Gzip, contents: CONTENTS[part] }
}

// Lengths and checksums are those that TensorFlow Datasets has of the same files.

#[rustfmt::skip]
pub(super) const SOURCE: Source = Source {
    name: "mnist",
    shape: SHAPE,
    classes: &DIGITS,
    augmentation: AugmentationSpec::NONE,
    from: "LeCun, Cortes and Burges, The MNIST database of handwritten digits (1998)",
    licence: "CC BY-SA 3.0, as is usually stated",
    digest: Some("37749fdc078a1051557128a34882b30efd3050a76971ecd667a8f85f1706c7dc"),
    location: Location::Folder {
        format: DataFormat::Idx,
        published: Published {
            name: "mnist",
            folder: "mnist",
            address: "https://ossci-datasets.s3.amazonaws.com/mnist",
            files: &[
                file("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 0),
                file("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 1),
                file("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 2),
                file("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 3),
            ],
        },
    },
};

#[rustfmt::skip]
pub(super) const FASHION_SOURCE: Source = Source {
    name: "fashion-mnist",
    shape: SHAPE,
    classes: &FASHION,
    augmentation: AugmentationSpec::NONE,
    from: "Xiao, Rasul and Vollgraf, Fashion-MNIST (2017)",
    licence: "MIT, Zalando SE",
    digest: None,
    location: Location::Folder {
        format: DataFormat::Idx,
        published: Published {
            name: "fashion-mnist",
            folder: "fashion-mnist",
            address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            files: &[
                file("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 0),
                file("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 1),
                file("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 2),
                file("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 3),
            ],
        },
    },
};
