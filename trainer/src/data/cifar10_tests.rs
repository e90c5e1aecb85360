//! One named test for each way a CIFAR-10 folder can be damaged.

use std::fs;

use tempfile::TempDir;

use super::super::{catalogue, check};
use super::*;
use revacnn_schemas::ImageIndex;

/// Records whose pixels count up from the label.
fn records(labels: &[u8]) -> Vec<u8> {
    let record = |label: &u8| {
        let pixels = (0..SHAPE.len()).map(|at| (at as u8).wrapping_add(*label));
        std::iter::once(*label).chain(pixels).collect::<Vec<u8>>()
    };
    labels.iter().flat_map(record).collect()
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a temporary file");
    }
    folder
}

fn good() -> TempDir {
    folder(&[("data_batch_1.bin", records(&[3, 1])), (TEST_FILE, records(&[9]))])
}

/// The error must name the file and all of the parts.
fn refused(folder: &TempDir, file: &str, parts: &[&str]) {
    let message = load(folder.path()).expect_err("a damaged folder").to_string();
    let path = folder.path().join(file).display().to_string();
    assert!(message.contains(&path), "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn records_become_planes_and_labels() {
    let dataset = load(good().path()).unwrap();
    assert_eq!((dataset.name(), dataset.class_names()[9].as_str()), ("cifar10", "truck"));
    assert_eq!((dataset.train().labels(), dataset.test().labels()), (&[3, 1][..], &[9][..]));
    let image = dataset.train().image(ImageIndex(1)).unwrap();
    assert_eq!((image.len(), image[0], image[1023], image[1024]), (3072, 1, 0, 1));
}

#[test]
fn batches_are_read_in_order_with_gaps() {
    let files = good();
    fs::write(files.path().join("data_batch_5.bin"), records(&[5])).unwrap();
    fs::write(files.path().join("data_batch_3.bin"), records(&[4, 4])).unwrap();
    fs::write(files.path().join("data_batch_6.bin"), b"not one of the five").unwrap();
    let dataset = load(files.path()).unwrap();
    assert_eq!(dataset.train().labels(), [3, 1, 4, 4, 5]);
    let counts = Counts { train_images: 5, test_images: 1 };
    assert_eq!(count(files.path()).unwrap(), counts);
}

#[test]
fn class_names_come_from_the_file() {
    let files = good();
    fs::write(files.path().join(NAMES_FILE), "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nj\n\n").unwrap();
    assert_eq!(load(files.path()).unwrap().class_names()[1], "b");
}

#[test]
fn a_path_loads_like_the_name() {
    let parent = TempDir::new().unwrap();
    fs::rename(good().keep(), parent.path().join("cifar-10-batches-bin")).unwrap();
    let by_name = catalogue::load("cifar10", Some(parent.path())).unwrap();
    let path = parent.path().join("cifar-10-batches-bin");
    let by_path = catalogue::load(path.to_str().unwrap(), None).unwrap();
    assert_eq!(by_name, by_path);
    let entry = catalogue::catalogue(Some(parent.path())).into_iter().find(|entry| entry.name == NAME).unwrap();
    assert!(matches!(entry.availability, catalogue::Availability::Ready { train_images: 2, .. }), "{entry:?}");
}

#[test]
fn a_missing_folder() {
    let parent = TempDir::new().unwrap();
    let error = load(&parent.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("nothing there") && error.contains("toronto"), "{error}");
}

#[test]
fn a_file_in_place_of_the_folder() {
    let files = good();
    let error = load(&files.path().join(TEST_FILE)).unwrap_err().to_string();
    assert!(error.contains("expected a folder") && error.contains("found a file"), "{error}");
}

#[test]
fn no_training_batch() {
    let files = folder(&[(TEST_FILE, records(&[1]))]);
    refused(&files, "data_batch_1.bin", &["at least one", "nothing there", "toronto"]);
}

#[test]
fn no_test_batch() {
    let files = folder(&[("data_batch_2.bin", records(&[1]))]);
    refused(&files, TEST_FILE, &["nothing there"]);
}

#[test]
fn a_truncated_batch() {
    let files = good();
    let mut content = records(&[1, 2]);
    content.pop();
    fs::write(files.path().join("data_batch_1.bin"), content).unwrap();
    refused(&files, "data_batch_1.bin", &["records of 3073 bytes", "found 6145 bytes"]);
}

#[test]
fn an_empty_batch() {
    let files = good();
    fs::write(files.path().join(TEST_FILE), b"").unwrap();
    refused(&files, TEST_FILE, &["1 to 100000 records", "found 0 bytes"]);
}

#[test]
fn an_absurdly_long_batch_is_refused_unread() {
    let files = good();
    let file = fs::File::create(files.path().join("data_batch_2.bin")).unwrap();
    file.set_len(3073 * 1_000_000_000).unwrap(); // sparse: takes no room
    refused(&files, "data_batch_2.bin", &["1 to 100000 records"]);
}

#[test]
fn a_label_that_is_no_class() {
    let files = good();
    fs::write(files.path().join("data_batch_1.bin"), records(&[9, 0, 10])).unwrap();
    refused(&files, "data_batch_1.bin", &["record 2", "label 0..9", "found 10"]);
}

#[test]
fn a_folder_in_place_of_a_batch() {
    let files = good();
    fs::create_dir(files.path().join("data_batch_4.bin")).unwrap();
    refused(&files, "data_batch_4.bin", &["found a folder"]);
}

#[cfg(unix)]
#[test]
fn symbolic_links_to_files_are_followed_and_broken_ones_named() {
    use std::os::unix::fs::symlink;
    let files = good();
    let batch = |number: u8| files.path().join(format!("data_batch_{number}.bin"));
    symlink(batch(1), batch(2)).unwrap();
    assert_eq!(load(files.path()).unwrap().train().labels(), [3, 1, 3, 1]);
    symlink(batch(3), batch(3)).unwrap();
    refused(&files, "data_batch_3.bin", &["a symbolic link that leads nowhere"]);
    fs::remove_file(batch(3)).unwrap();
    symlink("/dev/zero", batch(3)).unwrap();
    refused(&files, "data_batch_3.bin", &["neither a file nor a folder"]);
}

#[test]
fn nine_class_names() {
    let files = good();
    fs::write(files.path().join(NAMES_FILE), "a\nb\nc\nd\ne\nf\ng\nh\ni\n").unwrap();
    refused(&files, NAMES_FILE, &["ten names", "found 9 names", "remove it"]);
}

#[test]
fn class_names_that_are_no_text() {
    let files = good();
    fs::write(files.path().join(NAMES_FILE), [0xff, 0xfe, b'\n']).unwrap();
    refused(&files, NAMES_FILE, &["UTF-8"]);
}

#[test]
fn class_names_with_terminal_escapes() {
    let files = good();
    fs::write(files.path().join(NAMES_FILE), "a\u{1b}[2J\nb\nc\nd\ne\nf\ng\nh\ni\nj\n").unwrap();
    refused(&files, NAMES_FILE, &["control characters", "\\u{1b}"]);
}

#[test]
fn class_names_of_absurd_length() {
    let files = good();
    fs::write(files.path().join(NAMES_FILE), vec![b'a'; 70_000]).unwrap();
    refused(&files, NAMES_FILE, &["70000 bytes"]);
}

/// The real files, where they are.
#[test]
fn real_cifar10_has_its_published_statistics() {
    let Some(data_folder) = std::env::var_os("REVACNN_DATA") else {
        eprintln!("skipped: REVACNN_DATA is not set");
        return;
    };
    let report = check::check("cifar10", Some(Path::new(&data_folder))).unwrap();
    let (train, validation, test) = report.totals();
    assert!(train >= 9_000 && validation >= 1_000 && test >= 1_000, "{report:?}");
    let means = [0.4914, 0.4822, 0.4465];
    let deviations = [0.2470, 0.2435, 0.2616];
    for ((channel, mean), deviation) in report.channels.iter().zip(means).zip(deviations) {
        assert!((channel.mean - mean).abs() < 0.005, "{channel:?}");
        assert!((channel.standard_deviation - deviation).abs() < 0.005, "{channel:?}");
    }
    if (train, validation, test) == (9_000, 1_000, 1_000) {
        // data_batch_1.bin and the first 1,000 test images.
        assert_eq!(
            report.identity.digest.to_string(),
            "4a5fbfc9c98f2b82df7ec48af65c1e03b90c6675990c89abd72507bf21e32dfe"
        );
    }
}
