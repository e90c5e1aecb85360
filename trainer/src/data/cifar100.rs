//! CIFAR-100 by its name. Its format is in `own/cifar100.rs`.
//!
//! Source: A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009).

use super::source::{Location, Source};
use revacnn_schemas::{AugmentationSpec, DataFormat, ImageShape, PackedFile, Packing, Published, PublishedFile};

/// The fine classes, in label order.
#[rustfmt::skip]
const CLASSES: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];

/// The most bytes of a list of names.
const MOST_NAMES: u64 = 65_536;

pub(super) const SOURCE: Source = Source {
    name: "cifar100",
    shape: ImageShape { channels: 3, height: 32, width: 32 },
    classes: &CLASSES,
    augmentation: AugmentationSpec::SHIFT_AND_FLIP,
    from: "Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009), binary version",
    licence: "none stated; the authors ask to be cited",
    digest: None,
    location: Location::Folder {
        format: DataFormat::Cifar100,
        published: Published {
            name: "cifar100",
            folder: "cifar-100-binary",
            address: "https://www.cs.toronto.edu/~kriz",
            files: &[PublishedFile {
                name: "cifar-100-binary.tar.gz",
                bytes: 168_513_733,
                // As TensorFlow Datasets has it of the same file.
                sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                packing: Packing::TarGzip,
                contents: &[
                    PackedFile::of("train.bin", 153_700_000),
                    PackedFile::of("test.bin", 30_740_000),
                    PackedFile::up_to("fine_label_names.txt", MOST_NAMES),
                    PackedFile::up_to("coarse_label_names.txt", MOST_NAMES),
                ],
            }],
        },
    },
};
