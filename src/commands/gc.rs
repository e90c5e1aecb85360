//! `revacnn gc`: freeing what nobody needs.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{Advice, Place};
use revacnn_store::{Garbage, GarbageList, Store};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::{self, say, warn};
use crate::text::{Side, bytes, next, table};

/// Free what was deleted and what crashes left over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn gc\n  revacnn gc --yes")]
pub(crate) struct GcArguments {
    #[command(flatten)]
    store: StoreOption,
    /// Free it without asking; with --json it is never asked.
    #[arg(long)]
    yes: bool,
}

impl Run for GcArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let GarbageList { items: garbage, problems } = store.garbage()?;
        let place = self.place();
        for problem in &problems {
            warn(problem);
            let advice = problem.advice();
            if !advice.is_empty() {
                output::tell(&next(&advice, &place));
            }
        }
        let code = if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        let total: u64 = garbage.iter().map(|item| item.bytes).sum();
        let path = |item: &Garbage| item.path.strip_prefix(store.root()).unwrap_or(&item.path).display().to_string();
        if json {
            for item in &garbage {
                say!("{}", json!({ "path": path(item), "what": item.reason, "bytes": item.bytes }));
            }
            let freed = if self.yes { store.collect(&garbage)? } else { 0 };
            say!("{}", json!({ "event": "summary", "bytes": total, "bytes_freed": freed }));
            return Ok(code);
        }
        if garbage.is_empty() {
            say!("nothing to free");
            return Ok(code);
        }
        let rows: Vec<Vec<String>> =
            garbage.iter().map(|item| vec![bytes(item.bytes), item.reason.clone(), path(item)]).collect();
        let heading = [("frees", Side::Right), ("what", Side::Left), ("path", Side::Left)];
        output::write(format_args!("{}", table(&heading, &rows)));
        if !self.yes && !output::confirmed(&format!("free {}?", bytes(total))) {
            // An answer that comes through a pipe may be meant for anybody.
            let why =
                if std::io::stdin().is_terminal() { "" } else { ": it asks on a terminal alone, and there is none" };
            say!("nothing was freed{why}; `{}` does not ask", Advice::Free { unasked: true }.command(&place));
            return Ok(code);
        }
        say!("{} freed", bytes(store.collect(&garbage)?));
        Ok(code)
    }
}
