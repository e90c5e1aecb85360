//! The program as a person, a script or another program uses it: what it
//! prints, how it ends, and what it leaves in the store.

#[cfg(unix)]
#[path = "../support/process.rs"]
mod process;
#[path = "../../store/tests/fake/sealed.rs"]
mod sealed;
#[path = "../support/mod.rs"]
mod support;

mod advice;
mod asked;
mod augmentation;
mod autoencoder;
mod checksums;
mod cifar10;
mod class_layers;
#[cfg(unix)]
mod engines;
mod exchange;
mod export;
#[cfg(feature = "fetch")]
mod fetch;
mod fidelity;
mod figures;
mod forks;
mod help;
mod history;
mod images;
mod incomplete;
mod input;
mod json;
mod listings;
mod matching;
mod maxout;
mod networks;
mod notebook;
mod notebooks;
mod numbers;
mod outputs;
mod own;
mod packs;
mod page;
mod paths;
mod pictures;
#[cfg(feature = "sql")]
mod query;
mod samples;
mod shared;
mod steering;
mod stopping;
mod terminal;
#[cfg(unix)]
mod threads;
mod tidying;
mod training;
mod untrusted;
