//! Embeds the rows of a NumPy file as images are embedded, and writes a line of JSON each
//! time: `cargo run --release -p revacnn-analysis --example samples -- FILE [PERPLEXITY]
//! [THREADS] [TIMES] [REFERENCE] [PULL]`. `benches/samples.py` measures with it.
//!
//! The file holds an array of `float32`, `[point][dimension]`; the reference is one of
//! `float64`, `[point][2]`. The time is that of the whole call.

use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

use ndarray::Array2;
use revacnn_analysis::{SampleSettings, Work, embed_samples};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("expected a NumPy file of float32, [point][dimension]")?;
    let perplexity = words.next().map(|word| word.parse()).transpose()?;
    let threads: NonZeroUsize = words.next().map_or(Ok(NonZeroUsize::MIN), |word| word.parse())?;
    let times = words.next().map_or(Ok(1), |word| word.parse())?;
    let reference = words.next().map(|file| -> Result<_, Box<dyn Error>> {
        let places: Array2<f64> = ndarray_npy::read_npy(&file).map_err(|error| format!("{file}: {error}"))?;
        if places.ncols() != 2 {
            return Err(format!("{file}: expected two coordinates a point, found {}", places.ncols()).into());
        }
        Ok(places.rows().into_iter().map(|place| Some([place[0], place[1]])).collect())
    });
    let reference = reference.transpose()?;
    let pull = words.next().map_or(Ok(SampleSettings::default().pull), |word| word.parse())?;
    let vectors: Array2<f32> = ndarray_npy::read_npy(&file).map_err(|error| format!("{file}: {error}"))?;
    let settings = SampleSettings { perplexity, reference, pull, ..SampleSettings::default() };
    for _ in 0..times {
        let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
        let begin = Instant::now();
        let found = embed_samples(vectors.view(), &settings, &mut Work { threads, watch: &mut watch })?;
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{}",
            json!({
                "perplexity": found.perplexity,
                "kl_divergence": found.kl_divergence,
                "seconds": seconds,
                "positions": found.positions,
            })
        );
    }
    Ok(())
}
