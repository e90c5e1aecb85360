//! The first five minutes of someone who has never opened the window: an empty
//! folder, a run, back to its start, a fork, a comparison, a mistake undone.
//!
//! After each step the screen must be, to the pixel, what `revacnn view
//! --screenshot` draws of the same state from nothing: so nothing is left of
//! what was there before. Nothing is masked; `m` stops the jitter meanwhile.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use revacnn_replay_ui::ViewOptions;
use revacnn_replay_ui::measure::{self, Button};
use serde_json::Value;

use crate::display::{Display, Window};
use crate::support::Scratch;
use crate::{SIZE, branch, last_step, says_live};

/// How long the screen may take to come to rest: embeddings that glide rest
/// after a while, and a picture is drawn by a program built for debugging.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far a channel may be off: the renderer rounds what it draws within a
/// part of the window otherwise, by up to 3 of 255.
const ROUNDING: u8 = 4;
/// Where the mouse points at nothing.
const NOWHERE: [f32; 2] = [330.0, 20.0];

type Pixels = Vec<[u8; 3]>;

fn read(path: &Path) -> Pixels {
    let decoder = png::Decoder::new(BufReader::new(File::open(path).expect("a picture")));
    let mut reader = decoder.read_info().expect("a PNG file");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("its pixels");
    assert_eq!((info.width, info.height, info.color_type), (SIZE[0], SIZE[1], png::ColorType::Rgba));
    bytes.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

fn write(path: &Path, pixels: &[[u8; 3]]) {
    let file = BufWriter::new(File::create(path).expect("a file"));
    let mut encoder = png::Encoder::new(file, SIZE[0], SIZE[1]);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(pixels.as_flattened()).expect("its pixels");
}

/// The smallest rectangle that holds all pixels in which two pictures differ:
/// left, top, right and bottom, and how many they are.
fn differing(one: &[[u8; 3]], other: &[[u8; 3]]) -> Option<([usize; 4], usize)> {
    let width = SIZE[0] as usize;
    let differ = |at: &usize| one[*at].iter().zip(&other[*at]).any(|(one, other)| one.abs_diff(*other) > ROUNDING);
    (0..one.len()).filter(differ).fold(None, |found, at| {
        let (x, y) = (at % width, at / width);
        let ([left, top, right, bottom], count) = found.unwrap_or(([x, y, x, y], 0));
        Some(([left.min(x), top.min(y), right.max(x), bottom.max(y)], count + 1))
    })
}

struct FirstUse<'a> {
    display: &'a Display,
    scratch: &'a Scratch,
    window: Window<'a>,
    pictures: PathBuf,
    taken: usize,
    /// Where the screen was not what it should be.
    wrong: Vec<String>,
}

impl FirstUse<'_> {
    /// Saves what is on the screen.
    fn picture(&mut self, name: &str) -> PathBuf {
        self.taken += 1;
        let path = self.pictures.join(format!("{:02}-{name}.png", self.taken));
        write(&path, &self.display.rows(SIZE[0], SIZE[1]));
        path
    }

    /// What the window would be opened with to show the same.
    fn options(&self, at: &str) -> ViewOptions {
        let (address, beside) = match at.split_once(" --beside ") {
            Some((address, beside)) => (address, Some(beside.parse().expect("a name"))),
            None => (at, None),
        };
        ViewOptions {
            address: (!address.is_empty()).then(|| address.parse().expect("an address")),
            beside,
            size: Some(SIZE),
            ..ViewOptions::of(self.scratch.path("runs"))
        }
    }

    /// Presses a button that does something while this is shown.
    #[track_caller]
    fn press(&self, at: &str, button: Button) {
        let place = measure::place_of_button(&self.options(at), button).expect("the store is read");
        self.window.click(place.unwrap_or_else(|| panic!("there is no button {button:?} at {at}")));
    }

    /// Lets the words at the foot go, which say what was done.
    fn dismiss(&mut self) -> &mut Self {
        self.window.keys(&["Escape"]);
        self
    }

    /// Checks that the screen shows this and nothing else.
    #[track_caller]
    fn shows(&mut self, name: &str, at: &str) {
        self.window.keys(&["m"]);
        self.window.point(NOWHERE);
        let expected = self.pictures.join(format!("expected-{name}.png"));
        let size = format!("{}x{}", SIZE[0], SIZE[1]);
        self.scratch.run(0, &format!("view --screenshot {} --size {size} {at}", expected.display()));
        let wanted = read(&expected);
        let started = Instant::now();
        let mut found = differing(&self.display.rows(SIZE[0], SIZE[1]), &wanted);
        while found.is_some() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(200));
            found = differing(&self.display.rows(SIZE[0], SIZE[1]), &wanted);
        }
        let path = self.picture(name);
        match found {
            None => std::fs::remove_file(expected).expect("it was written"),
            Some((area, count)) => {
                self.window.repaint();
                let painted = (0..20).any(|_| {
                    std::thread::sleep(Duration::from_millis(500));
                    differing(&self.display.rows(SIZE[0], SIZE[1]), &wanted).is_none()
                });
                let state = if painted { "it was not painted anew" } else { "it shows something else" };
                let (path, expected) = (path.display(), expected.display());
                self.wrong.push(format!("{count} pixels differ within {area:?}, {state}: {path} {expected}"));
            }
        }
        self.window.keys(&["m"]);
        if !at.is_empty() {
            self.tells_what_is_recorded(at);
        }
    }

    /// Compares the numbers of the window with those that `show` reads.
    #[track_caller]
    fn tells_what_is_recorded(&self, at: &str) {
        let told = measure::numbers(&self.options(at)).expect("figures");
        let address = at.split(' ').next().unwrap_or_default();
        let shown = self.scratch.run(0, &format!("show {address} --json")).json();
        let (name, step) = (shown["branch"].as_str().expect("a name"), &shown["step"]);
        let mut head = told.head.split(" · ");
        assert_eq!(head.next(), Some(format!("{name}@{step}").as_str()));
        let row = told.row.expect("a row of steps");
        let loss = shown["loss"].as_f64();
        assert_eq!(row.loss.map(f64::from), loss, "loss at {at}");
        match (head.find_map(|words| words.strip_prefix("loss ")), loss) {
            (Some(words), Some(loss)) => {
                let told = words.trim_end_matches(" nats");
                let digits = told.split_once('.').map_or(0, |(_, digits)| digits.len());
                let rounding = 0.5001 * 0.1_f64.powi(i32::try_from(digits).expect("few digits"));
                let told: f64 = told.parse().expect("a number");
                assert!((told - loss).abs() <= rounding, "{words} for {loss}");
            }
            (words, loss) => assert!(words.is_none() && loss.is_none(), "{words:?} for {loss:?}"),
        }
        assert_eq!(row.live_accuracy.map(f64::from), shown["live_accuracy"].as_f64());
        assert_eq!(row.cursor.images_seen, shown["images_seen"].as_u64().expect("a number"));
        assert_eq!(row.digest.to_string(), shown["digest"].as_str().expect("a digest"));
        let layers = shown["layers"].as_array().expect("layers");
        let number = |value: &Value| value.as_f64().expect("a number") as f32;
        let classes = layers.last().expect("a class layer")["filters"].as_array().expect("classes");
        let classes: Vec<f32> = classes.iter().map(|class| number(&class["maps"][0]["activation"][0])).collect();
        assert_eq!(told.classes, classes, "class probabilities at {at}");
        for (layer, norms) in told.norms {
            let found = layers.iter().find(|found| found["layer"] == layer.as_str()).expect("the layer");
            let filters = found["filters"].as_array().expect("filters");
            assert_eq!(filters.len(), norms.len(), "{layer}");
            for (filter, norm) in filters.iter().zip(norms) {
                let weights = filter["weights"].as_array().expect("weights").iter().map(number);
                let expected = weights.map(|weight| f64::from(weight) * f64::from(weight)).sum::<f64>().sqrt();
                assert!((f64::from(norm) - expected).abs() <= 1e-5 * expected, "{layer}: {norm} for {expected}");
            }
        }
    }

    /// Waits until the title says that this is looked at.
    #[track_caller]
    fn is_at(&mut self, address: &str) {
        self.window.titled(address, |title| title == format!("{address} · ReVACNN"));
    }
}

#[test]
fn the_first_five_minutes_show_what_is_there_and_nothing_of_what_was() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-five-minutes");
    let _ = std::fs::remove_dir_all(&pictures);
    std::fs::create_dir_all(&pictures).expect("a folder for the pictures");
    let window = Window::open(&display, scratch.command("view"));
    let mut first = FirstUse { display: &display, scratch: &scratch, window, pictures, taken: 0, wrong: Vec::new() };

    // An empty folder: a run is begun as it is offered, and followed from its first step.
    first.shows("nothing-yet", "");
    let before = display.rows(SIZE[0], SIZE[1]);
    first.press("", Button::NewRun);
    first.window.wait("the form does not open", |_| (display.rows(SIZE[0], SIZE[1]) != before).then_some(()));
    first.picture("new-run");
    first.window.keys(&["Return"]);
    let begun = first.window.titled("the run", |title| title.starts_with("main@"));
    first.window.wait("nothing says that it is live", |_| says_live(&display).then_some(()));
    first.window.titled("a later step", |title| title.starts_with("main@") && title != begun);
    first.window.wait("it is not 60 steps long", |_| last_step(&scratch, "main").filter(|step| *step > 60));
    first.picture("training");

    // It is the window's own run: a key ends it, and no question is asked.
    first.window.keys(&["u"]);
    first.window.wait("it is still live", |_| (!says_live(&display)).then_some(()));
    let last = last_step(&scratch, "main").expect("steps");
    first.is_at(&format!("main@{last}"));
    std::thread::sleep(Duration::from_secs(1));
    first.picture("stopped");
    first.dismiss().shows("stopped-at-rest", &format!("main@{last}"));

    // To its start and back, by keys and by dragging.
    first.window.keys(&["Home"]);
    first.is_at("main@0");
    first.shows("start", "main@0");
    first.window.keys(&["Right", "Right", "Right"]);
    first.is_at("main@3");
    first.shows("third-step", "main@3");
    let [left, right, y] = measure::place_of_timeline(&first.options("main@3")).expect("a timeline");
    let along: Vec<[f32; 2]> = (0..=10).map(|tenth| [left + (right - left) * (tenth as f32 / 20.0), y]).collect();
    first.window.drag(&along);
    // The title follows each of its moves; what is compared is where it ends.
    std::thread::sleep(Duration::from_secs(2));
    let middle = first.window.titled("a step in the middle", |title| {
        let step = title.strip_prefix("main@").and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
        step.is_some_and(|step| (last * 2 / 5..last * 3 / 5).contains(&step))
    });
    let middle = middle.split(' ').next().expect("an address").to_owned();
    first.shows("dragged", &middle);
    first.window.keys(&["End"]);
    first.is_at(&format!("main@{last}"));
    first.shows("back-at-its-end", &format!("main@{last}"));

    // A fork with a filter more, by a click, and trained on.
    let plus = measure::place_of(&first.options("main"), "add-filter conv3").expect("the store is read");
    first.window.click(plus.expect("conv3 has a +"));
    first.is_at(&format!("main~2@{last}"));
    std::thread::sleep(Duration::from_secs(1));
    first.picture("forked");
    first.dismiss().shows("fork", &format!("main~2@{last}"));
    first.window.keys(&["t"]);
    std::thread::sleep(Duration::from_millis(500));
    first.window.keys(&["ctrl+a", "1", "0", "0", "Return"]);
    let end = last + 100;
    first.is_at(&format!("main~2@{end}"));
    first.window.wait("it is still live", |_| (!says_live(&display)).then_some(()));
    first.dismiss().shows("fork-trained-on", &format!("main~2@{end}"));

    // Beside its parent, here and elsewhere.
    first.press(&format!("main~2@{end}"), Button::Beside);
    first.shows("side-by-side", &format!("main~2@{end} --beside main"));
    first.window.keys(&["Home"]);
    first.is_at("main~2@0");
    first.shows("side-by-side-at-the-start", "main~2@0 --beside main");
    first.window.answer("g", &last.to_string());
    first.is_at(&format!("main~2@{last}"));
    first.shows("side-by-side-at-the-fork", &format!("main~2@{last} --beside main"));
    first.window.keys(&["c"]);
    first.shows("alone-again", &format!("main~2@{last}"));

    // A fork by mistake: undone, it is gone, and can be had again.
    first.window.answer("f", "mistake");
    first.is_at(&format!("mistake@{last}"));
    first.window.keys(&["z"]);
    first.is_at(&format!("main~2@{last}"));
    assert!(branch(&scratch, "mistake").is_none(), "it is still there");
    std::thread::sleep(Duration::from_secs(1));
    first.picture("fork-undone");
    first.dismiss().shows("as-before-the-fork", &format!("main~2@{last}"));

    // A branch is deleted, with its figures on the screen, and taken back.
    first.press(&format!("main~2@{last}"), Button::Delete);
    first.is_at(&format!("main@{last}"));
    assert!(branch(&scratch, "main~2").is_none(), "it is still there");
    std::thread::sleep(Duration::from_secs(1));
    first.picture("deleted");
    first.window.keys(&["z"]);
    first.is_at(&format!("main~2@{last}"));
    first.dismiss().shows("taken-back", &format!("main~2@{last}"));

    // What the window shows, a terminal can rename, compact and delete.
    scratch.run(0, "rename main~2 wider");
    first.is_at(&format!("wider@{last}"));
    scratch.run(0, "compact wider");
    first.window.keys(&["Right"]);
    first.is_at(&format!("wider@{}", last + 1));
    first.dismiss().shows("compacted-elsewhere", &format!("wider@{}", last + 1));
    scratch.run(0, "delete wider");
    first.is_at(&format!("main@{last}"));
    std::thread::sleep(Duration::from_secs(1));
    first.picture("deleted-elsewhere");
    first.dismiss().shows("what-remains", &format!("main@{last}"));
    scratch.run(0, "gc --yes");
    assert!(first.wrong.is_empty(), "{}", first.wrong.join("\n"));
    assert_eq!(first.window.close(), Some(0));
}
