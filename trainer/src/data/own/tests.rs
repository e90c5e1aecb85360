use std::io::Write;

use image::{Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::data::{Split, load, load_as};
use revacnn_schemas::{Colour, Fit, ImageIndex, ImageShape};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn at(path: &Path) -> String {
    format!("{}/", path.display())
}

fn described(path: &Path) -> String {
    load(path, None).unwrap().taken().unwrap().description.clone()
}

fn refused(path: &Path, parts: &[&str]) {
    let message = load(path, None).expect_err("a refusal").to_string();
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

fn be(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

/// IDX files of images of 2×3 pixels, whose values are all the image's number.
fn idx(folder: &Path, part: &str, labels: &[u8]) {
    let number = labels.len() as u32;
    let mut images = [[0, 0, 8, 3], be(number), be(2), be(3)].concat();
    (0..number).for_each(|image| images.extend([image as u8; 6]));
    let labels = [&[0, 0, 8, 1], &be(number)[..], labels].concat();
    fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
    fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
}

fn gzip(path: &Path) -> PathBuf {
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    encoder.write_all(&fs::read(path).unwrap()).unwrap();
    encoder.finish().unwrap();
    fs::remove_file(path).unwrap();
    packed
}

#[test]
fn idx_plain_and_packed_are_the_same() {
    let root = folder();
    let own = root.path().join("mine");
    fs::create_dir(&own).unwrap();
    idx(&own, "train", &[0, 1, 2, 1]);
    idx(&own, "t10k", &[2]);
    let plain = load(at(&own), None).unwrap();
    assert_eq!(plain.taken().unwrap().description, "mine: IDX, 4 training and 1 test images, 3×2 grey, 3 classes");
    assert_eq!((plain.train().labels(), plain.test().labels()), (&[0, 1, 2, 1][..], &[2][..]));
    assert_eq!(*plain.train().image(ImageIndex(3)).unwrap(), [3; 6]);
    assert_eq!(plain.class_names(), ["0", "1", "2"]);
    assert_eq!(plain.taken().unwrap().notes, ["no test image is of 2 of 3 classes: 0, 1"]);
    for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"] {
        gzip(&own.join(name));
    }
    fs::write(own.join("classes.txt"), "null\nEins\n二\n").unwrap();
    let packed = load(at(&own), None).unwrap();
    assert_eq!(packed.identity(), plain.identity());
    assert_eq!(packed.class_names(), ["null", "Eins", "二"]);
    // A file of it, and the folder around it, mean it too.
    for path in [own.join("t10k-images-idx3-ubyte.gz"), root.path().to_owned()] {
        assert_eq!(load(&path, None).unwrap().identity().digest, plain.identity().digest);
    }
    let renamed = root.path().join("my Fashion");
    fs::remove_file(own.join("classes.txt")).unwrap();
    fs::rename(&own, &renamed).unwrap();
    refused(&renamed.join("none"), &["nothing there"]);
    assert_eq!(load(&renamed, None).unwrap().class_names()[9], "Ankle boot");
}

#[test]
fn damaged_idx_is_named_with_its_file() {
    let root = folder();
    let own = root.path();
    let images = own.join("train-images-idx3-ubyte");
    let fresh = || {
        idx(own, "train", &[0, 1, 2, 1]);
        idx(own, "t10k", &[2]);
        fs::read(&images).unwrap()
    };
    let whole = fresh();
    fs::write(&images, &whole[..30]).unwrap();
    refused(own, &["train-images-idx3-ubyte", "4 images of 6 bytes", "24 bytes", "found 14 bytes"]);
    fs::write(&images, &whole).unwrap();
    let packed = gzip(&images);
    let bytes = fs::read(&packed).unwrap();
    fs::write(&packed, &bytes[..bytes.len() - 12]).unwrap();
    refused(own, &["train-images-idx3-ubyte.gz", "it is cut off"]);
    fs::remove_file(&packed).unwrap();
    refused(own, &["train-images-idx3-ubyte", "nothing there", "two files"]);
    let mut magic = fresh();
    magic[3] = 1;
    fs::write(&images, magic).unwrap();
    refused(own, &["begin with 00 00 08 03", "found 00 00 08 01"]);
    let mut promise = fresh();
    promise[4..8].copy_from_slice(&be(u32::MAX));
    fs::write(&images, &promise).unwrap();
    refused(own, &["1 to 10000000 images", "found 4294967295"]);
    promise[4..8].copy_from_slice(&be(9_999_999));
    fs::write(&images, &promise).unwrap();
    refused(own, &["train-labels-idx1-ubyte", "a label for each of 9,999,999 images", "found 4 labels"]);
    fresh();
    fs::remove_file(own.join("t10k-labels-idx1-ubyte")).unwrap();
    refused(own, &["t10k-labels-idx1-ubyte", "nothing there"]);
}

#[test]
fn without_a_test_part_a_share_of_each_class_is_held_out() {
    let root = folder();
    let labels: Vec<u8> = (0..40).map(|image| u8::from(image >= 30)).collect();
    idx(root.path(), "train", &labels);
    let tenth = load(root.path(), None).unwrap();
    assert_eq!((tenth.train().len(), tenth.test().labels()), (36, &[0, 0, 0, 1][..]));
    assert_eq!(*tenth.test().image(ImageIndex(3)).unwrap(), [39; 6]);
    let taken = tenth.taken().unwrap();
    assert!(taken.description.contains("10 % of each class held out for test"), "{}", taken.description);
    assert_eq!(taken.reading.test_share, Some(10));
    let half = Reading { test_share: Some(50), ..Reading::default() };
    let half = load_as(root.path(), None, &half).unwrap();
    assert_eq!((half.train().len(), half.test().len()), (20, 20));
    idx(root.path(), "train", &[0, 1, 0]);
    refused(root.path(), &["enough images to hold some out", "3 images", "--test-share"]);
}

#[test]
fn options_that_files_leave_no_choice_of_are_refused() {
    let root = folder();
    idx(root.path(), "train", &[0; 20]);
    let size = Some(PictureSize { width: 2, height: 2 });
    let message = load_as(root.path(), None, &Reading { size, ..Reading::default() }).unwrap_err().to_string();
    assert!(message.contains("`--size` says nothing of IDX"), "{message}");
    idx(root.path(), "t10k", &[0]);
    let share = Reading { test_share: Some(20), ..Reading::default() };
    let message = load_as(root.path(), None, &share).unwrap_err().to_string();
    assert!(message.contains("`--test-share` says nothing of files that have a test part"), "{message}");
    let message = load_as("digits", None, &Reading { size, ..Reading::default() }).unwrap_err().to_string();
    assert!(message.contains("digits is read in one way"), "{message}");
}

#[test]
fn nothing_to_be_found_says_what_was_looked_for() {
    let root = folder();
    refused(root.path(), &["an empty folder", "Looked for", "train-images-idx3-ubyte", ".npz", "data_batch_1.bin"]);
    fs::write(root.path().join("notes.txt"), "x").unwrap();
    refused(root.path(), &["a folder with notes.txt"]);
    refused(&root.path().join("notes.txt"), &["found no data set (a file)"]);
    refused(&root.path().join("none"), &["nothing there"]);
    for name in ["a", "b"] {
        fs::create_dir(root.path().join(name)).unwrap();
        idx(&root.path().join(name), "train", &[0; 20]);
    }
    refused(root.path(), &["several below it; name one"]);
}

#[test]
fn a_folder_that_is_called_as_a_known_data_set_is_none() {
    let root = folder();
    let own = root.path().join("digits");
    fs::create_dir(&own).unwrap();
    idx(&own, "train", &[0; 20]);
    assert_eq!(load(at(&own), None).unwrap().name(), "own-digits");
}

#[test]
fn cifar100_has_fine_and_coarse_labels() {
    let root = folder();
    let record = |coarse, fine| [vec![coarse, fine], vec![fine; 3072]].concat();
    fs::write(root.path().join("train.bin"), [record(1, 7), record(19, 99)].concat()).unwrap();
    fs::write(root.path().join("test.bin"), record(0, 0)).unwrap();
    let fine = load(root.path(), None).unwrap();
    assert_eq!((fine.train().labels(), fine.class_names().len()), (&[7, 99][..], 100));
    let coarse = Reading { labels: Some(LabelKind::Coarse), ..Reading::default() };
    let coarse = load_as(root.path(), None, &coarse).unwrap();
    assert_eq!((coarse.train().labels(), coarse.class_names().len()), (&[1, 19][..], 20));
    assert!(coarse.taken().unwrap().description.contains("CIFAR-100, coarse labels"));
    fs::write(root.path().join("train.bin"), record(1, 100)).unwrap();
    refused(root.path(), &["train.bin", "label 0..99", "found 100"]);
    fs::write(root.path().join("train.bin"), [0; 3073]).unwrap();
    refused(root.path(), &["records of 3074 bytes", "found 3073 bytes"]);
}

#[test]
fn tables_are_read_with_and_without_a_heading() {
    let root = folder();
    let path = root.path().join("mine.csv");
    let rows = |first: bool| {
        let row = |n: u8| if first { format!("{},{n},0,0,9\r\n", n % 2) } else { format!("{n},0,0,9,{}\n", n % 2) };
        (0..20).map(row).collect::<String>()
    };
    fs::write(&path, rows(true)).unwrap();
    assert_eq!(
        described(&path),
        "mine: CSV, 10 % of each class held out for test, 18 training and 2 test images, 2×2 grey, 2 classes"
    );
    let first = load(&path, None).unwrap();
    assert_eq!(*first.train().image(ImageIndex(5)).unwrap(), [5, 0, 0, 9]);
    fs::write(&path, format!("\"label\",a,b,c,d\n{}", rows(true))).unwrap();
    assert_eq!(load(&path, None).unwrap().identity(), first.identity());
    fs::write(&path, format!("a,b,c,d,class\n{}", rows(false))).unwrap();
    assert_eq!(load(&path, None).unwrap().identity(), first.identity());
    assert_eq!(load(gzip(&path), None).unwrap().identity(), first.identity());
    fs::write(&path, "1,2,3\n").unwrap();
    refused(&path, &["square grey image", "3 columns"]);
    fs::write(&path, "1,2,3,4,5\n1,2,3,4\n").unwrap();
    refused(&path, &["5 columns in row 2", "found 4"]);
    fs::write(&path, "1,2,3,4,256\n").unwrap();
    refused(&path, &["0..255 in row 1", "\"256\""]);
    fs::write(&path, "").unwrap();
    refused(&path, &["rows of a label and pixels", "none"]);
}

#[test]
fn a_test_table_without_labels_is_passed_over_and_told() {
    let root = folder();
    let rows: String = (0..20).map(|n| format!("{},{n},0,0,9\n", n % 2)).collect();
    fs::write(root.path().join("train.csv"), format!("label,a,b,c,d\n{rows}")).unwrap();
    fs::write(root.path().join("test.csv"), "a,b,c,d\n1,2,3,4\n").unwrap();
    let dataset = load(root.path(), None).unwrap();
    assert!(dataset.taken().unwrap().notes[0].contains("test.csv is not read"), "{:?}", dataset.taken());
    fs::write(root.path().join("test.csv"), "label,a,b,c,d\n1,1,2,3,4\n").unwrap();
    assert_eq!(load(root.path(), None).unwrap().test().len(), 1);
}

fn npy<A: ndarray_npy::WritableElement, D: ndarray::Dimension>(array: &ndarray::Array<A, D>) -> Vec<u8> {
    use ndarray_npy::WriteNpyExt;
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    bytes
}

#[test]
fn arrays_of_numpy_in_all_orders_are_the_same() {
    use ndarray::{Array1, Array4};
    let root = folder();
    let own = root.path();
    let labels = Array1::from_iter((0..20).map(|image| i64::from(image % 2)));
    let planes = Array4::from_shape_fn((20, 3, 2, 4), |(n, c, y, x)| (n * 7 + c * 50 + y * 4 + x) as u8);
    fs::write(own.join("labels.npy"), npy(&labels)).unwrap();
    fs::write(own.join("images.npy"), npy(&planes)).unwrap();
    let first = load(own, None).unwrap();
    assert_eq!(first.shape(), ImageShape { channels: 3, height: 2, width: 4 });
    assert!(first.taken().unwrap().description.contains("NumPy") && described(own).contains("4×2 RGB"));
    let last = planes.clone().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
    fs::write(own.join("images.npy"), npy(&last)).unwrap();
    assert_eq!(load(own, None).unwrap().identity(), first.identity());
    fs::write(own.join("images.npy"), npy(&planes.mapv(|byte| f32::from(byte) / 255.0))).unwrap();
    assert_eq!(load(own, None).unwrap().identity(), first.identity());
    // One archive, packed and not.
    for method in [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored] {
        let path = own.join("all.npz");
        let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in [("y_train.npy", npy(&labels)), ("x_train.npy", npy(&planes))] {
            archive.start_file(name, options).unwrap();
            archive.write_all(&bytes).unwrap();
        }
        archive.finish().unwrap();
        let found = load(&path, None).unwrap();
        assert_eq!((found.identity().digest, found.name()), (first.identity().digest, "all"));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        refused(&path, &["all.npz", "numpy.savez"]);
    }
}

#[test]
fn arrays_that_are_none_are_named() {
    use ndarray::{Array1, Array3};
    let root = folder();
    let own = root.path();
    let (images, labels) = (own.join("images.npy"), own.join("labels.npy"));
    fs::write(&images, npy(&Array3::<u8>::zeros((3, 2, 2)))).unwrap();
    refused(own, &["an array labels beside images", "found none"]);
    fs::write(&labels, npy(&Array1::<i32>::from_vec(vec![0, 1]))).unwrap();
    refused(own, &["an image for each of 2 labels", "[3][2][2]"]);
    fs::write(&labels, npy(&Array1::<i32>::from_vec(vec![0, 1, -1]))).unwrap();
    refused(own, &["labels 0..255", "another number at 2"]);
    fs::write(&labels, npy(&Array1::<f32>::zeros(3))).unwrap();
    refused(own, &["whole numbers", "<f4"]);
    fs::write(&labels, npy(&Array1::<u8>::zeros(3))).unwrap();
    fs::write(&images, npy(&Array3::<f32>::from_elem((3, 2, 2), 1.5))).unwrap();
    refused(own, &["from 0 to 1", "image 0"]);
    fs::write(&images, npy(&Array3::<i64>::zeros((3, 2, 2)))).unwrap();
    refused(own, &["uint8", "<i8"]);
    let whole = npy(&Array3::<u8>::zeros((3, 2, 2)));
    fs::write(&images, &whole[..whole.len() - 1]).unwrap();
    refused(own, &["images.npy", "as its header says, 12 bytes", "found 11 bytes"]);
    fs::write(&images, b"\x93NUMPY\x02\0\xff\xff\xff\xff").unwrap();
    refused(own, &["images.npy", "a header that is not one"]);
}

/// Six pictures of two classes, 6×4 pixels each.
fn pictures(folder: &Path) {
    for (class, red) in [("cat", 10), ("dog", 200)] {
        let class = folder.join(class);
        fs::create_dir_all(&class).unwrap();
        for number in 0..3_u8 {
            let picture = RgbImage::from_fn(6, 4, |x, y| Rgb([red + number, x as u8, y as u8]));
            picture.save(class.join(format!("{number}.png"))).unwrap();
        }
    }
}

#[test]
fn a_folder_of_pictures_has_a_class_a_folder() {
    let root = folder();
    let own = root.path().join("pets");
    pictures(&own);
    fs::write(own.join("read me.txt"), "x").unwrap();
    let reading = Reading { test_share: Some(34), ..Reading::default() };
    let dataset = load_as(&own, None, &reading).unwrap();
    let taken = dataset.taken().unwrap();
    assert_eq!(
        taken.description,
        "pets: pictures, 34 % of each class held out for test, 4 training and 2 test images, 6×4 RGB, 2 classes"
    );
    assert!(taken.notes[0].contains("1 entry that is no picture was passed over"), "{:?}", taken.notes);
    assert_eq!(dataset.class_names(), ["cat", "dog"]);
    assert_eq!(dataset.train().labels(), [0, 0, 1, 1]);
    let image = dataset.train().image(ImageIndex(2)).unwrap();
    assert_eq!((image.len(), image[0], image[24 + 5], image[48 + 6]), (72, 200, 5, 1));
    assert_eq!(dataset.reading().unwrap().size, Some(PictureSize { width: 6, height: 4 }));
    assert_eq!(load_as(&own, None, dataset.reading().unwrap()).unwrap().identity(), dataset.identity());
}

#[test]
fn train_test_and_validation_are_heeded() {
    let root = folder();
    let own = root.path();
    for part in ["Train", "val"] {
        pictures(&own.join(part));
    }
    let two = load(own, None).unwrap();
    assert_eq!((two.train().len(), two.test().len()), (6, 6));
    assert!(two.taken().unwrap().notes[0].contains("is the test part"));
    pictures(&own.join("test"));
    fs::remove_dir_all(own.join("test/dog")).unwrap();
    let three = load(own, None).unwrap();
    assert_eq!((three.train().len(), three.test().labels()), (6, &[0, 0, 0][..]));
    let notes = three.taken().unwrap().notes.join("; ");
    assert!(notes.contains("val is not read") && notes.contains("no test image is of class dog"), "{notes}");
    fs::rename(own.join("test/cat"), own.join("test/cow")).unwrap();
    refused(own, &["cow", "in the test part alone"]);
}

#[test]
fn pictures_of_several_sizes_need_one() {
    let root = folder();
    let own = root.path();
    pictures(own);
    RgbImage::new(9, 9).save(own.join("dog/3.bmp")).unwrap();
    refused(own, &["pictures of one size", "0.png of 6×4", "3.bmp of 9×9", "--size 32x32"]);
    for (width, height) in [(0, 3), (3, u32::MAX)] {
        let size = Some(PictureSize { width, height });
        let message = load_as(own, None, &Reading { size, ..Reading::default() }).unwrap_err().to_string();
        assert!(message.contains("1 to 1024 pixels a side"), "{message}");
    }
    let size = Some(PictureSize { width: 5, height: 7 });
    let reading = Reading { size, test_share: Some(34), ..Reading::default() };
    let mut digests = Vec::new();
    for fit in [Fit::Crop, Fit::Fit, Fit::Pad] {
        let dataset = load_as(own, None, &Reading { fit: Some(fit), ..reading.clone() }).unwrap();
        assert_eq!(dataset.shape(), ImageShape { channels: 3, height: 7, width: 5 });
        digests.push(dataset.identity().digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 3);
}

#[test]
fn what_cannot_be_read_is_named_or_left_out_and_counted() {
    let root = folder();
    let own = root.path();
    pictures(own);
    let bad = own.join("cat/1.png");
    let whole = fs::read(&bad).unwrap();
    let share = Some(34);
    for bytes in [&whole[..whole.len() / 2], b"", b"GIF87a", b"no picture"] {
        fs::write(&bad, bytes).unwrap();
        refused(own, &["1.png", "expected a picture", "--skip-unreadable"]);
        let reading = Reading { skip_unreadable: true, test_share: share, ..Reading::default() };
        let dataset = load_as(own, None, &reading).unwrap();
        assert_eq!(dataset.train().len() + dataset.test().len(), 5);
        let notes = dataset.taken().unwrap().notes.join("; ");
        assert!(notes.contains("1 picture that cannot be read is left out"), "{notes}");
        assert_eq!(load_as(own, None, dataset.reading().unwrap()).unwrap().identity(), dataset.identity());
    }
    fs::create_dir(own.join("empty")).unwrap();
    refused(own, &["empty: expected at least one picture of the class, found none"]);
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let root = folder();
    let (own, other) = (root.path().join("own"), root.path().join("other"));
    pictures(&own);
    pictures(&other);
    symlink(own.join("cat/0.png"), own.join("cat/9.png")).unwrap();
    let share = Reading { test_share: Some(25), ..Reading::default() };
    assert_eq!(load_as(&own, None, &share).unwrap().train().len(), 6);
    symlink(other.join("cat/0.png"), own.join("cat/8.png")).unwrap();
    refused(&own, &["8.png", "a link that leads out of that folder"]);
    fs::remove_file(own.join("cat/8.png")).unwrap();
    symlink(other.join("cat"), own.join("cow")).unwrap();
    refused(&own, &["cow", "a link that leads out"]);
    let (idx_own, idx_other) = (root.path().join("i"), root.path().join("j"));
    for folder in [&idx_own, &idx_other] {
        fs::create_dir(folder).unwrap();
        idx(folder, "train", &[0; 20]);
    }
    let name = "train-labels-idx1-ubyte";
    fs::remove_file(idx_own.join(name)).unwrap();
    symlink(idx_other.join(name), idx_own.join(name)).unwrap();
    refused(&idx_own, &[name, "a link that leads out"]);
}

#[test]
fn every_kind_of_picture_is_decoded() {
    let root = folder();
    let target = picture::Target { size: PictureSize { width: 8, height: 8 }, fit: Fit::Crop, colour: Colour::Rgb };
    let plain = RgbImage::from_pixel(8, 8, Rgb([200, 100, 50]));
    for ending in ["png", "bmp", "webp", "gif"] {
        let path = root.path().join(format!("a.{ending}"));
        match ending {
            "gif" => image::DynamicImage::from(plain.clone()).into_rgba8().save(&path).unwrap(),
            _ => plain.save(&path).unwrap(),
        }
        let image = picture::decode(&path, target).unwrap();
        assert_eq!((image[0], image[64], image[128 + 63]), (200, 100, 50), "{ending}");
        // The name is no matter.
        fs::rename(&path, root.path().join("b.png")).unwrap();
        assert_eq!(picture::decode(&root.path().join("b.png"), target).unwrap(), image);
    }
    let path = root.path().join("clear.png");
    RgbaImage::from_fn(8, 8, |x, _| Rgba([255, 0, 0, if x < 4 { 255 } else { 0 }])).save(&path).unwrap();
    let image = picture::decode(&path, target).unwrap();
    assert_eq!([image[0], image[64], image[7], image[71]], [255, 0, 128, 128]);
    let grey = picture::Target { colour: Colour::Grey, ..target };
    assert_eq!(picture::decode(&path, grey).unwrap()[0], 54);
}

/// What pictures become is the same on every machine: a digest of a record would not be found again.
#[test]
fn scaled_pictures_never_change() {
    let root = folder();
    let path = root.path().join("a.png");
    let pixel = |x: u32, y: u32| Rgb([(x * 11 % 256) as u8, (y * 17 % 256) as u8, (x * y % 256) as u8]);
    RgbImage::from_fn(41, 23, pixel).save(&path).unwrap();
    let mut hasher = blake3::Hasher::new();
    for (width, height) in [(7, 5), (5, 7), (41, 60), (64, 64)] {
        for fit in [Fit::Crop, Fit::Fit, Fit::Pad] {
            for colour in [Colour::Grey, Colour::Rgb] {
                let target = picture::Target { size: PictureSize { width, height }, fit, colour };
                hasher.update(&picture::decode(&path, target).unwrap());
            }
        }
    }
    assert_eq!(hasher.finalize().to_string(), "22b4e4a62c4ae60eb54097d19602cf6ed4dd2e3e890c50ee71dea14d8228bca2");
}

/// A grey JPEG of 8×8 pixels, made by hand: one block with a mean and nothing else.
fn jpeg() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    bytes.extend([8; 64]);
    bytes.extend([0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
    // One code a table: the mean has 5 bits, and no other coefficient is there.
    for (table, value) in [(0x00, 5), (0x10, 0)] {
        bytes.extend([0xff, 0xc4, 0, 20, table, 1]);
        bytes.extend([0; 15]);
        bytes.push(value);
    }
    bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
    // 0, then 10100 (20), then 0, filled up with ones.
    bytes.extend([0b0101_0001, 0xff, 0xd9]);
    bytes
}

#[test]
fn jpeg_is_decoded_and_a_cut_one_is_told() {
    let root = folder();
    let path = root.path().join("a.jpg");
    let target = picture::Target { size: PictureSize { width: 8, height: 8 }, fit: Fit::Crop, colour: Colour::Grey };
    fs::write(&path, jpeg()).unwrap();
    assert!(picture::form(&path).unwrap().is_grey);
    // 20 steps of 8 are 160; a block's mean is an eighth of that, above 128.
    assert_eq!(picture::decode(&path, target).unwrap(), [148; 64]);
    let whole = jpeg();
    fs::write(&path, &whole[..whole.len() - 2]).unwrap();
    let message = picture::decode(&path, target).unwrap_err().to_string();
    assert!(message.contains("cut off"), "{message}");
    // Held upright: a header of Exif with its one field.
    let exif = [&b"Exif\0\0II*\0\x08\0\0\0"[..], &[1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]].concat();
    let mut turned = vec![0xff, 0xd8, 0xff, 0xe1, 0, exif.len() as u8 + 2];
    turned.extend(&exif);
    turned.extend(&whole[2..]);
    let rows = turned.windows(4).position(|bytes| bytes == [0, 8, 0, 8]).unwrap();
    turned[rows + 1] = 4;
    fs::write(&path, turned).unwrap();
    let form = picture::form(&path).unwrap();
    assert_eq!((form.width, form.height), (4, 8));
    assert_eq!(picture::decode(&path, target).unwrap().len(), 64);
}

#[test]
fn a_picture_that_promises_more_than_it_has_is_refused() {
    let root = folder();
    let path = root.path().join("a.png");
    image::GrayImage::from_pixel(4, 4, Luma([1])).save(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for (side, expected) in [(60_000_u32, "more than 67108864"), (8_000, "that promise 8000×8000 pixels")] {
        bytes[16..20].copy_from_slice(&be(side));
        bytes[20..24].copy_from_slice(&be(side));
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&be(sum.sum()));
        fs::write(&path, &bytes).unwrap();
        let message = picture::form(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

/// The real files, where they are: what they are, and that it never changes.
#[test]
fn real_mnist_is_taken_for_what_it_is() {
    let Some(data_folder) = std::env::var_os("REVACNN_DATA") else {
        eprintln!("skipped: REVACNN_DATA is not set");
        return;
    };
    let path = Path::new(&data_folder).join("mnist");
    if !path.is_dir() {
        eprintln!("skipped: there is no {}", path.display());
        return;
    }
    let mnist = load(&path, None).unwrap();
    let taken = mnist.taken().unwrap();
    assert_eq!(taken.description, "mnist: IDX, 60,000 training and 10,000 test images, 28×28 grey, 10 classes");
    assert!(taken.notes.is_empty(), "{:?}", taken.notes);
    assert_eq!(mnist.lopsided(), None);
    assert_eq!(mnist.identity().digest.to_string(), "37749fdc078a1051557128a34882b30efd3050a76971ecd667a8f85f1706c7dc");
    let network = crate::named_network("20-20-20").unwrap();
    let definition = crate::define(network, &mnist, &crate::Settings::default()).unwrap();
    let mut trainer = crate::Trainer::new(&definition, std::sync::Arc::new(mnist), 1).unwrap();
    assert!(trainer.step().unwrap().loss.is_finite());
}

/// Images need not be square: the engine trains on them.
#[test]
fn oblong_images_train() {
    let root = folder();
    pictures(root.path());
    let size = Some(PictureSize { width: 24, height: 16 });
    let dataset = load_as(root.path(), None, &Reading { size, test_share: Some(34), ..Reading::default() }).unwrap();
    let settings = crate::Settings { batch_size: 2, ..crate::Settings::default() };
    let definition = crate::define(crate::named_network("20-20-20").unwrap(), &dataset, &settings).unwrap();
    assert_eq!(definition.reading.as_ref().unwrap().size, size);
    let dataset = std::sync::Arc::new(dataset);
    assert_eq!(dataset.part(Split::Test).len(), 2);
    let mut trainer = crate::Trainer::new(&definition, dataset, 1).unwrap();
    assert!(trainer.step().unwrap().loss.is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written over the beginning of a file, it is read or refused.
    #[test]
    fn hostile_headers_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 1..40), place in 0..60_usize) {
        let root = folder();
        let target = picture::Target { size: PictureSize { width: 8, height: 8 }, fit: Fit::Pad, colour: Colour::Rgb };
        let overwritten = |mut whole: Vec<u8>| {
            for (to, from) in whole.iter_mut().skip(place).zip(&bytes) {
                *to = *from;
            }
            whole
        };
        idx(root.path(), "train", &[0; 20]);
        for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
            let path = root.path().join(name);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, overwritten(whole.clone())).unwrap();
            drop(load(root.path(), None));
            fs::write(&path, whole).unwrap();
        }
        let own = root.path().join("n");
        fs::create_dir(&own).unwrap();
        fs::write(own.join("labels.npy"), npy(&ndarray::Array1::<u8>::zeros(20))).unwrap();
        let images = npy(&ndarray::Array3::<u8>::zeros((20, 2, 2)));
        fs::write(own.join("images.npy"), overwritten(images)).unwrap();
        drop(load(&own, None));
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file("images.npy", zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&npy(&ndarray::Array3::<u8>::zeros((20, 2, 2)))).unwrap();
        let whole = archive.finish().unwrap().into_inner();
        fs::write(root.path().join("a.npz"), overwritten(whole.clone())).unwrap();
        drop(load(root.path().join("a.npz"), None));
        // And over its end, where an archive's list is.
        let mut end = whole;
        end.reverse();
        let mut end = overwritten(end);
        end.reverse();
        fs::write(root.path().join("a.npz"), end).unwrap();
        drop(load(root.path().join("a.npz"), None));
        let path = root.path().join("a.csv");
        fs::write(&path, overwritten(b"label,a,b,c,d\n1,2,3,4,5\n1,2,3,4,5\n1,2,3,4,5\n".repeat(4))).unwrap();
        drop(load(&path, None));
        let plain = RgbImage::from_pixel(8, 8, Rgb([200, 100, 50]));
        for ending in ["png", "bmp", "webp", "gif", "jpg"] {
            let path = root.path().join(format!("a.{ending}"));
            match ending {
                "gif" => image::DynamicImage::from(plain.clone()).into_rgba8().save(&path).unwrap(),
                "jpg" => fs::write(&path, jpeg()).unwrap(),
                _ => plain.save(&path).unwrap(),
            }
            let whole = fs::read(&path).unwrap();
            fs::write(&path, overwritten(whole)).unwrap();
            if let Ok(image) = picture::decode(&path, target) {
                prop_assert_eq!(image.len(), 192);
            }
        }
    }
}
