//! `revacnn unpack`: the branches of a packed file into a store.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::Place;
use revacnn_store::{Arrival, Pack, Store, Unpacked, unix_seconds};
use serde_json::json;

use super::{Run, bar};
use crate::error::Failure;
use crate::options::{StoreOption, path};
use crate::output::say;
use crate::text::span;

/// Unpack branches that `revacnn pack` wrote, each file of them checked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn unpack main.tar\n  revacnn unpack main.tar --store theirs\n\n\
    A branch that the store has already is kept if it is as long as the packed one, and is replaced \
    by it if that goes on where it ends. The store is made where there is none.")]
pub(crate) struct UnpackArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The file.
    #[arg(value_name = "FILE", value_parser = path())]
    file: PathBuf,
}

impl Run for UnpackArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let pack = Pack::open(&self.file)?;
        let store = Store::open_or_create(&self.store.store, unix_seconds())?;
        let progress = bar(0, json);
        let result = pack.unpack(&store, &mut |done, all| {
            progress.set_length(all);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        for unpacked in result? {
            if json { say!("{}", object(&unpacked)) } else { say!("{}", line(&unpacked)) }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn object(unpacked: &Unpacked) -> serde_json::Value {
    let Unpacked { branch, packed_as, steps, arrival } = unpacked;
    let (arrival, before) = match arrival {
        Arrival::Added => ("added", None),
        Arrival::Kept => ("kept", None),
        Arrival::Extended(before) => ("extended", before.map(|before| [before.first, before.last])),
    };
    json!({
        "branch": branch.name,
        "id": branch.id,
        "packed_as": packed_as,
        "arrival": arrival,
        "first_step": steps.first,
        "last_step": steps.last,
        "steps_before": before,
    })
}

fn line(unpacked: &Unpacked) -> String {
    let Unpacked { branch, packed_as, steps, arrival } = unpacked;
    let (name, steps) = (&branch.name, span(*steps));
    let done = match arrival {
        Arrival::Added => format!("{name}: steps {steps} added"),
        Arrival::Kept => format!("{name}: kept as it is, the store has it up to that step or further ({steps})"),
        Arrival::Extended(None) => format!("{name}: had no step, and has {steps} now"),
        Arrival::Extended(Some(before)) => format!("{name}: had steps {}, and has {steps} now", span(*before)),
    };
    match arrival {
        Arrival::Added if name != packed_as => format!("{done}; in the pack it is `{packed_as}`, which is taken here"),
        _ if name != packed_as => format!("{done}; in the pack it is `{packed_as}`"),
        _ => done,
    }
}
