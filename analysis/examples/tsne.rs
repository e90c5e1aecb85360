//! Embeds the rows of a NumPy file by t-SNE, once a seed, and writes a line of
//! JSON each: `cargo run --release -p revacnn-analysis --example tsne -- FILE
//! [PERPLEXITY] [SEEDS]`. `benches/embedding.py` measures with it.
//!
//! The file holds an array of `float32`, `[point][dimension]`. The time is that
//! of the whole call, from vectors to positions and their figures.

use std::error::Error;
use std::time::Instant;

use ndarray::Array2;
use revacnn_analysis::{TsneSettings, tsne};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("expected a NumPy file of float32, [point][dimension]")?;
    let perplexity = words.next().map(|word| word.parse()).transpose()?;
    let seeds = words.next().map_or(Ok(1), |word| word.parse())?;
    let vectors: Array2<f32> = ndarray_npy::read_npy(&file).map_err(|error| format!("{file}: {error}"))?;
    let settings = |seed| TsneSettings { perplexity, seed, ..TsneSettings::default() };
    // The first call of a process pays for pages and caches.
    tsne(vectors.view(), &settings(0))?;
    for seed in 0..seeds {
        let begin = Instant::now();
        let found = tsne(vectors.view(), &settings(seed))?;
        let seconds = begin.elapsed().as_secs_f64();
        let trustworthiness = found.trustworthiness.map(|(share, _)| share);
        println!(
            "{}",
            json!({
                "seed": seed,
                "perplexity": found.perplexity,
                "kl_divergence": found.kl_divergence,
                "trustworthiness": trustworthiness,
                "iterations": found.iterations,
                "seconds": seconds,
                "positions": found.positions,
            })
        );
    }
    Ok(())
}
