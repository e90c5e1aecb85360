//! How long the figures of a long log take that a viewer asks for while its
//! cursor is dragged: `cargo bench --bench figures`.
//!
//! Trains the paper's network on the embedded `shapes` at batch 4, recorded,
//! forks it near the end with another filter, and evaluates cells as the viewer
//! does: from sources that stay open. Options after `--`: `--steps N`
//! (default 20000, at least 2000), `--figures N` (default 500, at most 1000),
//! `--store DIR` (a new store; default one that is removed afterwards; it
//! needs 200 kB a step).

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use revacnn_notebook::kinds::{Embedding, Filter, Loss, Network, Start};
use revacnn_notebook::{Cell, Inputs, Method, Show, Source, Sources, XAxis};
use revacnn_schemas::{BranchName, FilterNumber, Scale, Step};
use revacnn_store::Store;
use revacnn_test_support::SmallRun;
use revacnn_trainer::data::Stream;

/// Steps of the fork, whose first is so many before the parent's last.
const FORKED: u64 = 1000;
/// Times that the curve is drawn anew, and after more steps.
const CURVES: usize = 5;
/// Steps that come in between.
const MORE: u64 = 100;

struct Options {
    steps: u64,
    figures: u64,
    store: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options { steps: 20_000, figures: 500, store: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            // What `cargo bench` adds.
            "--bench" => {}
            "--steps" => options.steps = value()?.parse()?,
            "--figures" => options.figures = value()?.parse()?,
            "--store" => options.store = Some(value()?.into()),
            _ => return Err(format!("expected --steps N, --figures N or --store DIR, found {word}").into()),
        }
    }
    if options.steps < 2 * FORKED || !(1..=FORKED).contains(&options.figures) {
        return Err(format!("expected --steps of at least {} and --figures from 1 to {FORKED}", 2 * FORKED).into());
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let temporary = tempfile::tempdir()?;
    let root = options.store.clone().unwrap_or_else(|| temporary.path().join("store"));
    let store = Store::create(&root, 0)?;
    record(&store, options.steps)?;

    println!("{} steps; ms a figure\n{:<44}  {:>7}  {:>7}  {:>7}", options.steps, "", "p50", "p99", "figures");
    let mut sources = Sources::open(&root, None, 1)?;
    let cursor = |branches: &[&str], step| -> Result<Inputs, Box<dyn Error>> {
        let branches = branches.iter().map(|name| name.parse()).collect::<Result<Vec<BranchName>, _>>()?;
        Ok(Inputs { branches, cursor: Step(step), ..Inputs::default() })
    };
    let mut stream = Stream::new("figures", &[options.steps]);
    let network = Cell::from(Network { at: None, show: Show::Maps, trace: None });
    let filter = Cell::from(Filter { at: None, layer: "conv3".parse()?, filter: FilterNumber(7), born: None });
    let first = time(&mut sources, &network, &cursor(&["main"], options.steps / 2)?)?;
    report("network, the first, which makes the images", vec![first]);
    let (mut networks, mut filters, mut shared) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.figures {
        let inputs = cursor(&["main"], stream.below(options.steps + 1))?;
        networks.push(time(&mut sources, &network, &inputs)?);
        shared.push(time(&mut sources, &filter, &inputs)?);
        let inputs = cursor(&["main"], stream.below(options.steps + 1))?;
        filters.push(time(&mut sources, &filter, &inputs)?);
    }
    report("network, random step", networks);
    report("filter conv3/7, random step", filters);
    report("filter conv3/7, the network's step", shared);

    for layer in ["conv1", "conv3"] {
        let embedding = |seed, start| -> Result<Cell, Box<dyn Error>> {
            let (at, layer, of) = (Vec::new(), layer.parse()?, Source::Weights);
            Ok(Embedding { at, layer, of, method: Method::Tsne, perplexity: None, seed, start }.into())
        };
        let first = options.steps - FORKED;
        let (mut anew, mut moved) = (Vec::new(), Vec::new());
        for seed in 1..=options.figures {
            let inputs = cursor(&["main", "wider"], first + 1 + stream.below(FORKED))?;
            anew.push(time(&mut sources, &embedding(seed, Start::Fresh)?, &inputs)?);
        }
        // The first embeds what the others start from as well.
        for step in 0..=options.figures.min(FORKED - 1) {
            let inputs = cursor(&["main", "wider"], first + 1 + step)?;
            let took = time(&mut sources, &embedding(0, Start::From(Step(first)))?, &inputs)?;
            if step > 0 {
                moved.push(took);
            }
        }
        report(&format!("joint embedding of {layer}, two branches, anew"), anew);
        report(&format!("joint embedding of {layer}, one step further"), moved);
    }

    let loss = Cell::from(Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    let (mut anew, mut again, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    let inputs = cursor(&["main"], 0)?;
    for _ in 0..CURVES {
        let mut sources = Sources::open(&root, None, 1)?;
        anew.push(time(&mut sources, &loss, &inputs)?);
    }
    time(&mut sources, &loss, &inputs)?;
    for more in 1..=CURVES as u64 {
        record(&store, options.steps + more * MORE)?;
        let begin = Instant::now();
        sources.refresh()?;
        listed.push(milliseconds(begin));
        again.push(time(&mut sources, &loss, &inputs)?);
    }
    report("loss curve, first time", anew);
    report(&format!("loss curve, after {MORE} more steps"), again);
    report("the branches listed again, before it", listed);
    Ok(())
}

/// Trains `main` up to a step, and once forks it.
fn record(store: &Store, steps: u64) -> Result<(), Box<dyn Error>> {
    let paper = SmallRun::paper(4);
    paper.record(store, "main", steps);
    let wider: BranchName = "wider".parse()?;
    if store.branches()?.records.iter().all(|record| record.name != wider) {
        paper.fork(store, ("main", steps - FORKED), wider.as_str(), &["add-filter conv3"], steps);
    }
    Ok(())
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

fn time(sources: &mut Sources, cell: &Cell, inputs: &Inputs) -> Result<f64, Box<dyn Error>> {
    let begin = Instant::now();
    cell.figure(sources, inputs)?;
    Ok(milliseconds(begin))
}

fn report(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    println!("{what:<44}  {:>7.2}  {:>7.2}  {:>7}", at(0.5), at(0.99), times.len());
}
