//! Pictures of a person's own: what networks see in them, and take them for.

use std::fs;
use std::path::Path;

use image::{ColorType, GrayImage, ImageFormat, Luma};
use revacnn_schemas::ImageIndex;
use revacnn_trainer::data::load;
use serde_json::Value;

use crate::support::{Scratch, TRAIN};

/// A training image of the digits as a picture; its label.
fn digit(path: &Path, image: u32) -> u8 {
    let digits = load("digits", None).expect("digits");
    let bytes = digits.train().image(ImageIndex(image)).expect("an image");
    image::save_buffer_with_format(path, &bytes, 8, 8, ColorType::L8, ImageFormat::Png).expect("a picture");
    digits.train().label(ImageIndex(image)).expect("a label")
}

/// Writes a picture in colours.
fn coloured(path: &Path, (width, height): (u32, u32), pixels: &[u8]) {
    image::save_buffer(path, pixels, width, height, ColorType::Rgb8).expect("a picture");
}

/// A small network on digits, some steps on.
fn trained() -> Scratch {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 60"));
    scratch
}

#[test]
fn a_picture_of_a_training_image_gives_what_that_image_gives() {
    let scratch = trained();
    // Of an image that is predicted right also the gradients are those of its label.
    let taken = |image: u32| scratch.run(0, &format!("predict main --image {image} --json")).json();
    let label = |image: u32| digit(&scratch.path("17"), image).to_string();
    let is_right =
        |image: &u32| taken(*image)["rows"][0][2].as_str().is_some_and(|words| words.starts_with(&label(*image)));
    let right = (1..200).find(is_right).expect("one that is predicted right");
    label(right);
    let same = |command: &str, field: &str| {
        let [by_number, by_file] = [right.to_string(), "./17".to_owned()]
            .map(|image| scratch.run(0, &command.replace("IMAGE", &image)).json()[field].clone());
        assert!(by_number.is_array(), "{command}: {by_number}");
        assert_eq!(by_number, by_file, "{command}");
    };
    same("plot activations main --layer conv1 --image IMAGE --json -o a.svg", "rows");
    same("plot activations main@20 --layer fc1 --of activation-gradients --image IMAGE --json -o a.svg", "rows");
    same("plot filter main --layer conv1 --filter 2 --image IMAGE --json -o a.svg", "rows");
    same("plot network main --image IMAGE --json -o a.svg", "columns");
    same("plot network main --image IMAGE --json -o a.svg", "classes");
    same("embed main --layer conv1 --of activations --method pca --image IMAGE --json", "points");
    let [own, known] = ["./17", &right.to_string()].map(|image| {
        let seen = scratch.run(0, &format!("plot saliency main --image {image} --json -o seen.svg")).json();
        let pictures = seen["pictures"].as_array().expect("pictures").clone();
        pictures.iter().map(|picture| picture["image"]["pixels"].clone()).collect::<Vec<_>>()
    });
    assert_eq!((own.len(), &own), (5, &known));
    // What was recorded at a step goes the same way.
    let both = scratch.run(0, &format!("predict main@20 main --image ./17 --image {right} --top 2 --json")).json();
    let rows = both["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[0][2], &rows[0][3]), (&rows[2][2], &rows[2][3]), "{both}");
    assert_eq!((rows[0][0].as_str(), rows[2][0].as_str()), (Some("17"), Some(&*right.to_string())));
    let network = scratch.run(0, "plot network main --image ./17 --json -o a.svg").json();
    assert_eq!((&network["input"][0], &network["label"]), (&Value::Null, &Value::Null));
    assert!(network["title"].as_str().is_some_and(|title| title.ends_with(", picture 17")), "{}", network["title"]);
}

#[test]
fn a_picture_of_another_size_in_colours_is_brought_there_and_that_is_said() {
    let scratch = trained();
    let pixels: Vec<u8> = (0..40 * 20).flat_map(|pixel: u32| [255, (pixel % 40 * 6) as u8, 0]).collect();
    coloured(&scratch.path("wide.png"), (40, 20), &pixels);
    let said =
        "picture wide.png: 40×20 pixels in colours: cut to its middle and scaled to 8×8, in grey by its luminance";
    for command in [
        "predict main --image wide.png",
        "predict main --image wide.png -o a.svg",
        "plot network main --image wide.png -o a.svg",
        "plot filter main --layer conv1 --filter 1 --image wide.png -o a.svg",
        "plot activations main --layer conv1 --image wide.png -o a.svg",
        "plot saliency main --image wide.png -o a.svg",
        "embed main --layer conv1 --of activations --image wide.png",
        "plot histogram main --layer conv1 --of activations --image wide.png -o a.svg",
    ] {
        let ran = scratch.run(0, command);
        assert!(ran.out.contains(said), "{command}: {}", ran.out);
    }
    let unlabelled = "gradients for the class that it is taken for";
    for command in [
        "plot filter main --layer conv1 --filter 1 --image wide.png -o a.svg",
        "plot activations main --layer conv1 --of activation-gradients --image wide.png -o a.svg",
    ] {
        assert!(scratch.run(0, command).out.contains(unlabelled), "{command}");
    }
    // Equal content gives equal bytes, wherever it lies.
    let drawn = |image: &str| {
        scratch.run(0, &format!("plot network main --image {image} -o a.svg"));
        fs::read(scratch.path("a.svg")).expect("a figure")
    };
    let first = drawn("wide.png");
    fs::create_dir(scratch.path("below")).expect("a folder");
    fs::copy(scratch.path("wide.png"), scratch.path("below/wide.png")).expect("a copy");
    assert!(drawn("below/wide.png") == first);
    coloured(&scratch.path("wide.png"), (40, 20), &[9; 2400]);
    assert!(drawn("wide.png") != first);
}

#[test]
fn a_picture_needs_the_data_set_for_the_names_of_classes_alone() {
    let scratch = Scratch::new();
    for class in ["cat", "dog"] {
        fs::create_dir_all(scratch.path(format!("own/{class}"))).expect("a folder");
        for number in 0..20_u8 {
            let pixels: Vec<u8> = (0..48).map(|pixel| pixel * 4 + number * (class.len() as u8)).collect();
            coloured(&scratch.path(format!("own/{class}/{number}.png")), (4, 4), &pixels);
        }
    }
    let network = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n";
    fs::write(scratch.path("tiny.toml"), network).expect("a file");
    scratch.run(0, "train --dataset ./own --fit pad --network tiny.toml --steps 6 --json");
    GrayImage::from_pixel(8, 4, Luma([200])).save(scratch.path("a.png")).expect("a picture");
    let named = scratch.run(0, "predict main --image a.png");
    assert!(named.out.contains("cat") && named.out.contains("dog"), "{}", named.out);
    // As the data set's own pictures were.
    let said = "8×4 pixels grey: scaled to lie within 4×4, grey beside it, its grey in all three channels";
    assert!(named.out.contains(said), "{}", named.out);
    let maps =
        || scratch.run(0, "plot activations main --layer conv1 --image a.png --json -o a.svg").json()["rows"].clone();
    let with = maps();
    fs::rename(scratch.path("own"), scratch.path("away")).expect("moved");
    assert_eq!(maps(), with);
    let numbered = scratch.run(0, "predict main --image a.png");
    assert!(numbered.out.contains("class 0") && numbered.out.contains("no class names: the data set"), "{numbered:?}");
    for command in ["plot network main --image a.png -o b.svg", "plot saliency main --image a.png --class 1 -o b.svg"] {
        scratch.run(0, command);
    }
    // Of a step that is not stored the weights are computed first.
    fs::rename(scratch.path("away"), scratch.path("own")).expect("moved");
    scratch.run(0, "compact main");
    assert_eq!(maps(), with);
    fs::rename(scratch.path("own"), scratch.path("away")).expect("moved");
    let refused = scratch.run(1, "predict main@3 --image a.png");
    assert!(refused.err.contains("the data set is not at hand"), "{}", refused.err);
}

#[test]
fn an_autoencoder_gives_back_a_picture_of_ones_own_and_takes_it_for_no_class() {
    let scratch = Scratch::new();
    scratch.run(0, "train --dataset digits --network autoencoder --steps 6 --json");
    digit(&scratch.path("7.png"), 17);
    // As of the training image that it is a picture of.
    let [known, own] = ["17", "7.png"].map(|image| {
        let network = scratch.run(0, &format!("plot network main --image {image} --json -o a.svg")).json();
        assert!(network["classes"].as_array().is_some_and(Vec::is_empty), "{}", network["classes"]);
        network["reconstruction"].clone()
    });
    assert!(own["label"].as_str().is_some_and(|label| label.starts_with("loss ")), "{own}");
    assert_eq!(own, known);
    // The target is the image: gradients are of no class.
    let command = "plot activations main --layer conv1 --of activation-gradients --image IMAGE --json -o a.svg";
    let [known, own] =
        ["17", "7.png"].map(|image| scratch.run(0, &command.replace("IMAGE", image)).json()["rows"].clone());
    assert!(own.is_array() && own == known);
    let said = scratch.run(0, "plot activations main --layer conv1 --of activation-gradients --image 7.png -o a.svg");
    assert!(said.out.contains("picture 7.png") && !said.out.contains("the class that it is"), "{}", said.out);
    for command in ["predict main --image 7.png", "plot saliency main --image 7.png -o a.svg"] {
        let refused = scratch.run(1, command);
        let says = "gives back the image and predicts no class: there is no ";
        assert!(refused.err.contains(says), "{command}: {}", refused.err);
    }
}

#[test]
fn what_is_no_picture_is_refused_by_its_name() {
    let scratch = trained();
    fs::write(scratch.path("empty.png"), "").expect("a file");
    fs::write(scratch.path("text.png"), "a text").expect("a file");
    fs::create_dir(scratch.path("folder")).expect("a folder");
    digit(&scratch.path("cut.png"), 3);
    let whole = fs::read(scratch.path("cut.png")).expect("a file");
    fs::write(scratch.path("cut.png"), &whole[..whole.len() / 2]).expect("a file");
    // A header that promises a billion pixels.
    let mut large = whole.clone();
    large[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
    large[20..24].copy_from_slice(&20_000_u32.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&large[12..29]);
    large[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    fs::write(scratch.path("large.png"), large).expect("a file");
    for (image, says) in [
        ("none.png", "cannot read none.png"),
        ("cat", "cannot read cat"),
        ("empty.png", "empty.png: expected a picture (PNG, JPEG, WebP, BMP or GIF), found an empty file"),
        ("text.png", "text.png: expected a picture (PNG, JPEG, WebP, BMP or GIF), found bytes of another kind"),
        ("cut.png", "cut.png: expected a picture"),
        ("large.png", "large.png: expected a picture (PNG, JPEG, WebP, BMP or GIF), found 50000×20000 pixels"),
        ("folder", "cannot read folder: expected a picture in a plain file, found a folder"),
    ] {
        for command in ["predict main", "plot network main -o a.svg", "embed main --layer conv1 --of activations"] {
            let refused = scratch.run(1, &format!("{command} --image {image}"));
            assert!(refused.err.contains(says), "{command} --image {image}: {}", refused.err);
            assert!(!scratch.path("a.svg").exists());
        }
    }
    // The name is no matter.
    fs::write(scratch.path("picture.txt"), &whole).expect("a file");
    scratch.run(0, "predict main --image picture.txt");
    for (code, command, says) in [
        (2, "predict main", "--image"),
        (2, "predict main --image 99999999999", "expected a smaller number, found `99999999999`"),
        (1, "predict main --image 99999", "99999"),
        (2, "predict main --image picture.txt --top 0", "at least 1"),
        (2, "predict main --image picture.txt --top 1,001", "at most 1000 of --top"),
        (2, "plot saliency main --image picture.txt --split test -o a.svg", "is of no split"),
        (2, "embed main --layer conv1 --image picture.txt", "the weights of filters are of no image"),
        (1, "predict nobody --image picture.txt", "nobody"),
    ] {
        let refused = scratch.run(code, command);
        assert!(refused.err.contains(says), "{command}: {}", refused.err);
    }
}

#[test]
fn a_line_of_a_notebook_names_a_picture_in_its_folder() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("book/pictures")).expect("a folder");
    fs::copy(scratch.path("small.toml"), scratch.path("book/small.toml")).expect("a file");
    digit(&scratch.path("book/pictures/7.png"), 17);
    digit(&scratch.path("outside.png"), 17);
    let text = |image: &str| {
        format!(
            "```revacnn\ntrain base --dataset digits --network small.toml --steps 30\n\
             plot network base@last --image {image}\npredict base@10 base@last --image {image}\n\
             embed base@last --layer conv1 --of activations --method pca --image {image}\n```\n"
        )
    };
    let write = |image: &str| fs::write(scratch.path("book/n.md"), text(image)).expect("a file");
    for (image, says) in [
        ("../outside.png", "expected a path below the notebook's folder"),
        ("pictures/8.png", "there is no `pictures/8.png`"),
        ("small.toml", "expected a picture"),
    ] {
        write(image);
        let told = scratch.run(2, "notebook check book/n.md");
        assert!(told.err.contains(says) && told.err.contains("n.md:3:"), "{image}: {}", told.err);
    }
    write("pictures/7.png");
    scratch.run(0, "notebook check book/n.md");
    scratch.run(0, "notebook run book/n.md --yes --json");
    scratch.run(0, "notebook export book/n.md -o page.html");
    let page = fs::read_to_string(scratch.path("page.html")).expect("a page");
    assert!(page.contains("picture 7.png"), "what is shown is named");
    // It is the same figure as on a command line.
    let by_line = scratch.run(0, "notebook export book/n.md -o report.md");
    assert!(scratch.path("report-figures").exists(), "{by_line:?}");
}

/// A line of it was passed over, and nobody said so.
#[test]
fn predict_is_a_view_of_a_notebook_as_others_are() {
    let scratch = Scratch::new();
    let text = "```revacnn\ntrain base --dataset digits --steps 5\n```\n\n```revacnn\npredict AT --image IMAGE\n```\n";
    for (at, image, says) in [
        ("ghost@3", "3", "ghost"),
        ("base@99", "3", "99"),
        ("base", "none.png", "none.png"),
        ("base", "99999", "99999"),
    ] {
        std::fs::write(scratch.path("own.md"), text.replace("AT", at).replace("IMAGE", image)).unwrap();
        let refused = scratch.run(2, "notebook check own.md");
        assert!(refused.out.contains(says) || refused.err.contains(says), "{at} {image}: {refused:?}");
    }
    std::fs::write(scratch.path("own.md"), text.replace("AT", "base").replace("IMAGE", "3")).unwrap();
    let checked = scratch.run(0, "notebook check own.md");
    assert!(format!("{checked:?}").contains("1 view"), "{checked:?}");
}
