//! How the window goes along while one drags over a long log, and what it
//! takes while nothing happens: `cargo bench --bench dragging`.
//!
//! Trains the paper's network on the embedded `shapes` at batch 4, recorded,
//! and drags the cursor along the timeline and back. Every frame is laid out,
//! and what has changed is drawn by the software renderer as for a display.
//! Options after `--`: `--steps N` (default 20000), `--frames N`
//! (default 1200), `--sweep N` (frames from one end to the other, default 300),
//! `--size WxH` (default 1440x900), `--store DIR` (default a folder of its own
//! that is removed afterwards; it needs 200 kB a step, and a log that is there
//! already is taken as it is).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use revacnn_replay_ui::ViewOptions;
use revacnn_replay_ui::measure::drag;
use revacnn_schemas::BranchName;
use revacnn_store::Store;
use revacnn_test_support::SmallRun;

#[cfg(target_os = "linux")]
#[path = "../tests/window/display.rs"]
#[expect(dead_code, reason = "the test of the window uses all of it")]
mod display;

struct Options {
    steps: u64,
    frames: usize,
    sweep: usize,
    size: [u32; 2],
    store: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { steps: 20_000, frames: 1200, sweep: 300, size: [1440, 900], store: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            // What `cargo bench` adds.
            "--bench" => {}
            "--steps" => options.steps = value()?.parse()?,
            "--frames" => options.frames = value()?.parse()?,
            "--sweep" => options.sweep = value()?.parse::<usize>()?.max(1),
            "--size" => {
                let size = value()?;
                let (width, height) = size.split_once('x').ok_or(format!("expected WxH, found {size}"))?;
                options.size = [width.parse()?, height.parse()?];
            }
            "--store" => options.store = Some(value()?.into()),
            _ => {
                return Err(format!(
                    "expected --steps N, --frames N, --sweep N, --size WxH or --store DIR, found {word}"
                )
                .into());
            }
        }
    }
    Ok(options)
}

/// Records a branch of that many steps, unless it is there.
fn record(root: &Path, name: &BranchName, steps: u64) -> Result<(), Box<dyn Error>> {
    let store = Store::open_or_create(root, 0)?;
    if store.branch(name).is_ok() {
        return Ok(());
    }
    SmallRun::paper(4).record(&store, name.as_str(), steps);
    Ok(())
}

/// Resident memory of this process, in MB, where the system tells.
fn memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let temporary = tempfile::tempdir()?;
    let root = options.store.clone().unwrap_or_else(|| temporary.path().join("store"));
    let name: BranchName = "main".parse()?;
    record(&root, &name, options.steps)?;
    let view = ViewOptions { size: Some(options.size), ..ViewOptions::of(&root) };
    let mut start = None;
    let dragged = drag(&view, options.frames, options.sweep, || start = memory())?;
    let end = memory();
    let milliseconds = |times: &[Duration]| {
        let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let at = |sorted: &[f64], share: f64| {
        sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
    };
    let (frames, behind) = (milliseconds(&dragged.frames), milliseconds(&dragged.behind));
    let mut steps: Vec<f64> = dragged.steps_behind.iter().map(|steps| *steps as f64).collect();
    steps.sort_by(f64::total_cmp);
    let [width, height] = options.size;
    println!("{width}x{height}, {} steps, {} frames, {} from end to end", dragged.steps, frames.len(), options.sweep);
    println!("first useful frame   {:>8.0} ms", dragged.first_useful.as_secs_f64() * 1e3);
    for (name, sorted, unit) in
        [("a frame", &frames, "ms"), ("network behind by", &behind, "ms"), ("network behind by", &steps, "steps")]
    {
        let (half, late, most) = (at(sorted, 0.5), at(sorted, 0.99), at(sorted, 1.0));
        println!("{name:<20} p50 {half:>7.1} {unit}, p99 {late:>7.1} {unit}, at most {most:.1} {unit}");
    }
    if let (Some(start), Some(end)) = (start, end) {
        println!("resident memory      {start:>8.0} MB before the drag, {end:.0} MB after it");
    }
    #[cfg(target_os = "linux")]
    idle(&root, options.size)?;
    Ok(())
}

/// What the real window takes while nobody touches it.
#[cfg(target_os = "linux")]
fn idle(root: &Path, [width, height]: [u32; 2]) -> Result<(), Box<dyn Error>> {
    const SECONDS: u64 = 10;
    let Some(display) = display::Display::open(width, height) else { return Ok(()) };
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_revacnn"));
    command.args(["view", "main", "--size", &format!("{width}x{height}"), "--store"]).arg(root);
    let mut window = display::Window::open(&display, command);
    window.titled("main", |title| title.starts_with("main@"));
    std::thread::sleep(Duration::from_secs(5));
    let share = |window: &display::Window<'_>| -> Result<f64, Box<dyn Error>> {
        let ticks = || -> Result<f64, Box<dyn Error>> {
            let text = std::fs::read_to_string(format!("/proc/{}/stat", window.program.id()))?;
            // The name before it may hold spaces; in the user's mode and in the
            // kernel's are the 14th and 15th field.
            let (_, fields) = text.rsplit_once(')').ok_or("expected a name in parentheses")?;
            let fields: Vec<&str> = fields.split_whitespace().collect();
            let [user, kernel] = [11, 12].map(|place| fields.get(place).and_then(|field| field.parse::<f64>().ok()));
            Ok(user.ok_or("no user time")? + kernel.ok_or("no kernel time")?)
        };
        let before = ticks()?;
        std::thread::sleep(Duration::from_secs(SECONDS));
        // Linux counts 100 of them a second.
        Ok((ticks()? - before) / SECONDS as f64)
    };
    let jittering = share(&window)?;
    // Nodes rest 20 s after the last touch or change.
    std::thread::sleep(Duration::from_secs(10));
    let resting = share(&window)?;
    window.keys(&["m"]);
    std::thread::sleep(Duration::from_secs(1));
    let still = share(&window)?;
    println!("idle, at first       {jittering:>8.1} % of a core, while nodes jitter");
    println!("idle, later          {resting:>8.1} % of a core, at rest");
    println!("idle, motion off     {still:>8.1} % of a core");
    window.close();
    Ok(())
}
