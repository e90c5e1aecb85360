//! How long it takes to read any step of a long log, and what recording
//! costs: `cargo bench --bench seek`.
//!
//! Trains the paper's network on the embedded `shapes` at batch 4, recorded,
//! and at a short and at a full length of the log reads random steps through
//! a reader that stays open. Options after `--`: `--steps N` (default 20000),
//! `--seeks N` (default 1000), `--batch-size N`, `--fidelity keyframes` (then
//! steps are computed again, on as many threads as help), `--store DIR` (default a folder
//! of its own that is removed afterwards; it needs 200 kB a step).

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use revacnn_recorder::{Replay, usual_threads};
use revacnn_schemas::{BranchName, Fidelity, FilterNumber, Step, Table};
use revacnn_store::{BranchReader, StepSpan, Store, branch_bytes, cpu_seconds};
use revacnn_test_support::SmallRun;
use revacnn_trainer::Trainer;
use revacnn_trainer::data::{Dataset, Stream};

struct Options {
    steps: u64,
    seeks: u64,
    batch_size: u32,
    fidelity: Fidelity,
    store: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { steps: 20_000, seeks: 1000, batch_size: 4, fidelity: Fidelity::Every, store: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            // What `cargo bench` adds.
            "--bench" => {}
            "--steps" => options.steps = value()?.parse()?,
            "--seeks" => options.seeks = value()?.parse()?,
            "--batch-size" => options.batch_size = value()?.parse()?,
            "--fidelity" => options.fidelity = value()?.parse()?,
            "--store" => options.store = Some(value()?.into()),
            _ => {
                return Err(format!(
                    "expected --steps N, --seeks N, --batch-size N, --fidelity every|keyframes or --store DIR, found \
                     {word}"
                )
                .into());
            }
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let temporary = tempfile::tempdir()?;
    let root = options.store.clone().unwrap_or_else(|| temporary.path().join("store"));
    let store = Store::open_or_create(&root, 0)?;
    let name: BranchName = "seek".parse()?;
    let paper = SmallRun { fidelity: options.fidelity, ..SmallRun::paper(options.batch_size) };
    let dataset = paper.data();

    // The engine alone, for what recording adds.
    let alone_steps = 2000.min(options.steps);
    let mut trainer = Trainer::new(&paper.definition(), dataset.clone(), 1)?;
    let begin = cpu_seconds();
    for _ in 0..alone_steps {
        trainer.step()?;
    }
    let alone = (cpu_seconds() - begin) / alone_steps as f64;

    println!(
        "{:>8}  {:>9}  {:>9}  {:>9}  {:>9}  {:>9}",
        "steps", "seek p50", "seek p99", "layer p50", "filter512", "first"
    );
    let mut recorded = 0;
    let mut recording_cpu = 0.0;
    let mut id = None;
    for length in [options.steps.min(1000), options.steps] {
        let begin = cpu_seconds();
        let mut session = paper.open(&store, name.as_str());
        while session.trainer().position() < Step(length) {
            session.advance()?;
            recorded += 1;
        }
        id = Some(session.record().id.clone());
        session.finish()?;
        recording_cpu += cpu_seconds() - begin;
        measure(&store, &name, &dataset, length, options.seeks)?;
    }
    let id = id.ok_or("no steps were asked for")?;
    let raw = 4 * 2 * (22_466 + 22_794);
    let bytes = branch_bytes(store.root(), &id) as f64 / recorded as f64;
    println!(
        "\nrecording: {:.2} ms of processor time a step over the engine's {:.2} ms (probe pass, digest and \
         validation included)",
        (recording_cpu / recorded as f64 - alone) * 1e3,
        alone * 1e3,
    );
    println!("on disk: {:.0} bytes a step, {:.3} of the raw {raw}", bytes, bytes / f64::from(raw));
    Ok(())
}

/// Reads random steps of a log and prints how long that took, in ms.
fn measure(
    store: &Store,
    name: &BranchName,
    dataset: &Arc<Dataset>,
    length: u64,
    seeks: u64,
) -> Result<(), Box<dyn Error>> {
    let milliseconds = |begin: Instant| begin.elapsed().as_secs_f64() * 1e3;
    let begin = Instant::now();
    let reader = BranchReader::open(store, name)?;
    let stored = reader.branch().recording.fidelity == Fidelity::Every;
    let mut replay = Replay::new(BranchReader::open(store, name)?).with_data(dataset.clone(), usual_threads());
    replay.tensors(Step(length / 2))?;
    let first = milliseconds(begin);
    let mut stream = Stream::new("seek", &[length]);
    let layer = "conv2".parse()?;
    let (mut whole, mut part) = (Vec::new(), Vec::new());
    for _ in 0..seeks {
        let step = Step(stream.below(length + 1));
        let begin = Instant::now();
        let tensors = replay.tensors(step)?;
        whole.push(milliseconds(begin));
        assert_eq!(tensors.step, step);
        if !stored {
            continue;
        }
        let begin = Instant::now();
        reader.seek_layer(Step(stream.below(length + 1)), &layer)?;
        part.push(milliseconds(begin));
    }
    whole.sort_by(f64::total_cmp);
    let at = |sorted: &[f64], share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (median, late) = (at(&whole, 0.5), at(&whole, 0.99));
    if !stored {
        println!("{length:>8}  {median:>6.2} ms  {late:>6.2} ms  {:>9}  {:>9}  {first:>6.1} ms", "–", "–");
        return Ok(());
    }
    let last = Step(length.min(length / 2 + 511));
    let begin = Instant::now();
    reader.filter_over_time(Table::Weights, &layer, FilterNumber(7), StepSpan::new(Step(length / 2), last))?;
    let filter = milliseconds(begin);
    part.sort_by(f64::total_cmp);
    println!(
        "{length:>8}  {median:>6.2} ms  {late:>6.2} ms  {:>6.2} ms  {filter:>6.1} ms  {first:>6.1} ms",
        at(&part, 0.5),
    );
    Ok(())
}
