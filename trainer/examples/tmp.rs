use revacnn_trainer::{Settings, Trainer, data, define, preset, kernels::Instructions};
use std::sync::Arc;
fn main() {
    let t=std::time::Instant::now();
    let ds = Arc::new(data::load("shapes", None).unwrap());
    println!("load {:?}", t.elapsed());
    for batch in [4,32,128] { for threads in [1,2] { 
        let d = define(preset("paper").unwrap(), &ds, &Settings{batch_size:batch, ..Default::default()}).unwrap();
        let mut tr = Trainer::with_instructions(&d, ds.clone(), threads, Instructions::widest()).unwrap();
        for _ in 0..20 { tr.step().unwrap(); }
        let n = 8000/batch as usize; let mut best=f64::MAX;
        for _ in 0..3 { let t=std::time::Instant::now(); for _ in 0..n { tr.step().unwrap(); } best=best.min(t.elapsed().as_secs_f64()); }
        println!("batch {batch} threads {threads}: {:.0} images/s", (n*batch as usize) as f64/best);
    }}
    let d = define(preset("paper").unwrap(), &ds, &Settings::default()).unwrap();
    let mut tr = Trainer::new(&d, ds.clone(), 2).unwrap();
    for e in 0..3 { for _ in 0..1350 { tr.step().unwrap(); } println!("epoch {e}: {:?} live {:?}", tr.evaluate(data::Split::Validation).map(|v|(v.loss,v.accuracy())).unwrap(), tr.live_accuracy()); }
}
