//! A folder of a person's own pictures: looked at, trained on, moved, forked, replayed.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

use crate::support::Scratch;

/// Forty pictures of two classes and several sizes, the cats' names in Greek.
pub(crate) fn pictures(folder: &Path) {
    for (class, red) in [("γάτα", 40), ("犬", 160)] {
        let class = folder.join(class);
        fs::create_dir_all(&class).expect("a folder");
        for number in 0..20_u32 {
            let picture = RgbImage::from_fn(20 + number, 24, |x, y| {
                Rgb([red + (number * 3) as u8, (x * 7 + number) as u8, (y * 9 % 251) as u8])
            });
            picture.save(class.join(format!("{number:02}.png"))).expect("a picture");
        }
    }
}

#[test]
fn a_folder_of_pictures_is_trained_on_moved_forked_and_replayed() {
    let scratch = Scratch::new();
    pictures(&scratch.path("photos"));
    let refused = scratch.run(1, "train --dataset photos --steps 3");
    assert!(refused.err.contains("pictures of one size") && refused.err.contains("--size 32x32"), "{refused:?}");
    assert!(!scratch.path("runs").exists());

    let options = "--size 16x12 --fit pad";
    let checked = scratch.run(0, &format!("data check photos {options} --output sheet.png"));
    for part in [
        "photos: pictures, 10 % of each class held out for test, 36 training and 4 test images, 16×12 RGB, 2 classes",
        "  γάτα ",
        "  犬 ",
        "sheet sheet.png",
    ] {
        assert!(checked.out.contains(part), "{part:?} is not in {}", checked.out);
    }
    let sheet = image::open(scratch.path("sheet.png")).expect("a picture").into_rgb8();
    assert_eq!(sheet.dimensions(), (2 + 16 * 34, 2 + 2 * 26));

    let command = format!("train --dataset photos {options} --network small.toml --steps 12 --fidelity keyframes");
    let trained = scratch.run(0, &format!("{command} --json"));
    let first: serde_json::Value = serde_json::from_str(trained.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["event"], "data");
    assert_eq!(first["reading"]["size"], serde_json::json!({ "width": 16, "height": 12 }));
    let shown = scratch.run(0, "show main --json").json();
    assert_eq!((&shown["digest"], &shown["recomputed"]), (&trained.json()["digest"], &true.into()));

    // The folder is moved and called otherwise, and the hint leads nowhere.
    fs::create_dir(scratch.path("elsewhere")).expect("a folder");
    fs::rename(scratch.path("photos"), scratch.path("elsewhere/bilder")).expect("a move");
    let lost = scratch.run(1, "verify main");
    assert!(lost.err.contains("data set photos with digest") && lost.err.contains("--data"), "{lost:?}");
    for data in ["elsewhere", "elsewhere/bilder", "elsewhere/bilder/犬"] {
        let shown_again = scratch.run(0, &format!("show main --json --data {data}")).json();
        assert_eq!(shown_again["digest"], shown["digest"], "{data}");
    }
    scratch.run(0, "fork main@6 --name other --steps +4 --data elsewhere");
    scratch.run(0, "verify other --data elsewhere");
    scratch.run(0, "resume main --steps +3 --data elsewhere");
    // Named again where they are now, with or without the options: the same run goes on.
    for options in ["", options] {
        let again = scratch.run(0, &format!("train main --dataset elsewhere/bilder {options} --steps 18"));
        assert!(again.out.contains("bilder: pictures") || again.out.contains("photos"), "{again:?}");
    }
    let other = scratch.run(1, "train main --dataset elsewhere/bilder --size 8x8 --steps 20");
    assert!(other.err.contains("dataset") || other.err.contains("input"), "{other:?}");
    // And it is remembered where that was.
    scratch.run(0, "verify main");
}

#[test]
fn a_picture_that_cannot_be_read_ends_nothing_where_that_is_asked_for() {
    let scratch = Scratch::new();
    pictures(&scratch.path("photos"));
    fs::write(scratch.path("photos/犬/99.jpg"), b"no picture").expect("a file");
    let refused = scratch.run(1, "data check photos --size 8x8");
    assert!(refused.err.contains("99.jpg") && refused.err.contains("--skip-unreadable"), "{refused:?}");
    let checked = scratch.run(0, "data check photos --size 8x8 --skip-unreadable");
    assert!(checked.out.contains("note: 1 picture that cannot be read is left out"), "{checked:?}");
    let usage = scratch.run(2, "data check photos digits --output sheet.png");
    assert!(usage.err.contains("--output is a sheet of one data set"), "{usage:?}");
}

#[test]
fn a_notebook_reads_its_own_folder_and_no_other() {
    let scratch = Scratch::new();
    pictures(&scratch.path("book/photos"));
    pictures(&scratch.path("other"));
    let line = |dataset: &str| {
        format!("```revacnn\ntrain own --dataset {dataset} --size 8x8 --network 20-20-20 --steps 4\n```\n")
    };
    fs::write(scratch.path("book/a.md"), line("photos")).expect("a notebook");
    scratch.run(0, "notebook run book/a.md --yes");
    let shown = scratch.run(0, "show own --json").json();
    assert_eq!(shown["step"], 4);
    // Trained already: nothing is left, whatever the folder is called.
    fs::rename(scratch.path("book/photos"), scratch.path("book/bilder")).expect("a move");
    fs::write(scratch.path("book/a.md"), line("bilder")).expect("a notebook");
    scratch.run(0, "notebook run book/a.md --yes");
    assert_eq!(fs::read_dir(scratch.path("runs/branches")).expect("a store").count(), 1);
    for outside in ["../other", "/other"] {
        fs::write(scratch.path("book/b.md"), line(outside)).expect("a notebook");
        let refused = scratch.run(2, "notebook check book/b.md");
        assert!(format!("{refused:?}").contains("below the notebook's folder"), "{refused:?}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(scratch.path("other/犬"), scratch.path("book/bilder/cow")).expect("a link");
        fs::write(scratch.path("book/b.md"), line("bilder")).expect("a notebook");
        let refused = scratch.run(2, "notebook check book/b.md");
        assert!(format!("{refused:?}").contains("leads out"), "{refused:?}");
    }
    // Written back from the store, the line says how the pictures are read, and makes nothing anew.
    fs::remove_file(scratch.path("book/bilder/cow")).ok();
    fs::rename(scratch.path("book/bilder"), scratch.path("book/photos")).expect("a move");
    let back = scratch.run(0, "notebook from runs -o book/c.md");
    let text = fs::read_to_string(scratch.path("book/c.md")).expect("a notebook");
    assert!(text.contains("--dataset photos --size 8x8 --colour rgb"), "{back:?}\n{text}");
    assert_eq!(scratch.run(0, "notebook run book/c.md --yes --json").json()["steps_trained"], 0, "{text}");
}
