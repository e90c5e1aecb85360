//! How the page of a long notebook goes along while one scrolls and types, and how fast its
//! figures follow a cursor: `cargo bench --bench notebook`.
//!
//! A notebook of 1,000 lines is opened without a display, and scrolled and typed in; every frame
//! is laid out and drawn by the software renderer as for a display. Then one of ten views over a
//! long log, whose cursor is moved. What the notebooks say is trained first. Options after `--`:
//! `--frames N` (default 300), `--moves N` (default 30), `--steps N` (of the log, default 20000),
//! `--size WxH` (default 1440x900), `--folder DIR` (default one that is removed afterwards; what
//! is trained there already is taken as it is).

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use revacnn_replay_ui::ViewOptions;
use revacnn_replay_ui::measure::{follow, write};

/// Lines of the long notebook.
const LINES: usize = 1000;

struct Options {
    frames: usize,
    moves: u64,
    steps: u64,
    size: [u32; 2],
    folder: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { frames: 300, moves: 30, steps: 20_000, size: [1440, 900], folder: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            // What `cargo bench` adds.
            "--bench" => {}
            "--frames" => options.frames = value()?.parse()?,
            "--moves" => options.moves = value()?.parse()?,
            "--steps" => options.steps = value()?.parse()?,
            "--size" => {
                let size = value()?;
                let (width, height) = size.split_once('x').ok_or(format!("expected WxH, found {size}"))?;
                options.size = [width.parse()?, height.parse()?];
            }
            "--folder" => options.folder = Some(value()?.into()),
            _ => {
                let expected = "--frames N, --moves N, --steps N, --size WxH or --folder DIR";
                return Err(format!("expected {expected}, found {word}").into());
            }
        }
    }
    Ok(options)
}

/// Parts of prose, of lines that fork and show, and of figures.
fn long() -> String {
    let mut text = String::from(
        "# A long notebook\n\n```revacnn\ntrain base --dataset digits --batch-size 32 --steps 40\n```\n\n",
    );
    let mut part = 0;
    while text.lines().count() + 12 <= LINES {
        let _ = write!(
            text,
            "## Part {part}\n\nWhat happens where *one* thing is changed after {at} steps? The loss with and without it, \
             side\nby side; and `distinct`, the number of filters that differ.\n\n",
            at = part % 40,
        );
        let _ = match part % 10 {
            0 => writeln!(
                text,
                "```revacnn\nfork base@{at} other-{part} --steps 40\n  --edit 'set learning-rate 0.0{at}1'\n```",
                at = part % 40 + 1,
            ),
            _ => writeln!(
                text,
                "```revacnn\nplot loss base --smooth 0.{part}\nplot filters base@{at} --layer conv1\n```",
                at = part % 40,
            ),
        };
        text.push('\n');
        part += 1;
    }
    while text.lines().count() < LINES {
        text.push_str("\nThe end of it.\n");
    }
    text
}

/// Ten views, all of which follow one cursor where both branches are: in the last tenth. One is
/// a query.
fn ten(steps: u64) -> String {
    let train = format!("train base --dataset digits --network small --batch-size 4 --steps {steps}");
    let fork = format!("fork base@{} wider --edit 'add-filter conv1' --steps {steps}", steps - steps / 10);
    let layer = |filters: u64| {
        format!("[[layer]]\nkind = \"conv\"\nfilters = {filters}\nkernel = 3\npad = 1\nactivation = \"relu\"\n")
    };
    let network = format!(
        "```toml revacnn small\n{}[[layer]]\nkind = \"pool\"\nkernel = 2\n{}[[layer]]\nkind = \"softmax\"\n```\n",
        layer(8),
        layer(12),
    );
    let views = [
        "plot network base@$t",
        "plot network wider@$t",
        "plot filters base@$t wider@$t --layer conv1",
        "plot activations base@$t --layer conv1",
        "plot filter base@$t --layer conv1 --filter 3",
        "embed base@$t wider@$t --layer conv1",
        "compare base@$t wider@$t",
        "diff base@$t wider@$t",
        "show base@$t",
    ];
    // A query needs the feature `sql`.
    let query = if cfg!(feature = "sql") {
        "```sql revacnn best\nSELECT branch, MIN(loss) AS loss FROM validation WHERE step <= $t GROUP BY branch\n```\n"
    } else {
        ""
    };
    format!(
        "{network}\n```revacnn\n{train}\n{fork}\n```\n\n```revacnn\ncursor t base@{}\n```\n\n```revacnn\n{}\n```\n\n{query}",
        steps - steps / 20,
        views.join("\n"),
    )
}

fn report(what: &str, times: &[Duration]) {
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len().saturating_sub(1) as f64 * share).round() as usize).copied();
    let [half, late, most] = [0.5, 0.99, 1.0].map(|share| at(share).unwrap_or(f64::NAN));
    println!("{what:<44}  {half:>8.2}  {late:>8.2}  {most:>8.2}  {:>6}", times.len());
}

fn view(folder: &Path, name: &str, text: &str, size: [u32; 2]) -> Result<ViewOptions, Box<dyn Error>> {
    let path = folder.join(format!("{name}.md"));
    std::fs::write(&path, text)?;
    Ok(ViewOptions { notebook: Some(path), size: Some(size), ..ViewOptions::of(folder.join(name)) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let temporary = tempfile::tempdir()?;
    let folder = options.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let [width, height] = options.size;
    println!("{width}x{height}; ms\n{:<44}  {:>8}  {:>8}  {:>8}  {:>6}", "", "p50", "p99", "most", "times");

    let text = long();
    let written = write(&view(&folder, "long", &text, options.size)?, options.frames)?;
    println!("{} lines: figures are there after {:.0} ms", text.lines().count(), written.settled.as_secs_f64() * 1e3);
    report("a turn of the wheel", &written.scrolled);
    report("a key in a paragraph, until its marks", &written.prose);
    report("a key in a line of commands, until its marks", &written.lines);
    report("a key in the whole text, until its marks", &written.whole);
    report("the key that ends typing", &written.ended);

    let followed = follow(&view(&folder, "ten", &ten(options.steps), options.size)?, options.moves)?;
    println!("{} views over {} steps", followed.each.len(), options.steps);
    report("a moved cursor, until the first figure", &followed.first);
    report("until the last of them", &followed.all);
    for (view, times) in &followed.each {
        report(view, times);
    }
    Ok(())
}
