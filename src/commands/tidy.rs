//! `revacnn rename`, `delete` and `gc`.

use std::io::IsTerminal;
use std::process::ExitCode;

use revacnn_schemas::Advice;
use revacnn_store::{GarbageList, Store};

use crate::arguments::{DeleteArguments, GcArguments, RenameArguments};
use crate::error::Failure;
use crate::output::{self, say, warn};
use crate::text::{Side, bytes, next, table};

pub(crate) fn rename(arguments: &RenameArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let record = store.rename(&arguments.branch, &arguments.to)?;
    say!("{} is called {} now", arguments.branch, record.name);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn delete(arguments: &DeleteArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let name = &arguments.branch;
    if arguments.undo {
        store.take_back(name)?;
        say!("{name} is back");
    } else {
        store.delete(name)?;
        let place = arguments.store.place(None);
        say!(
            "{name} is deleted; `{}` takes it back, `{}` frees its space",
            Advice::TakeBack { branch: name.clone() }.command(&place),
            Advice::Free { unasked: false }.command(&place),
        );
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn gc(arguments: &GcArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let GarbageList { items: garbage, problems } = store.garbage()?;
    let place = arguments.store.place(None);
    for problem in &problems {
        warn(problem);
        let advice = problem.advice();
        if !advice.is_empty() {
            output::tell(&next(&advice, &place));
        }
    }
    let code = if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if garbage.is_empty() {
        say!("nothing to free");
        return Ok(code);
    }
    let rows: Vec<Vec<String>> = garbage
        .iter()
        .map(|item| {
            let path = item.path.strip_prefix(store.root()).unwrap_or(&item.path);
            vec![bytes(item.bytes), item.reason.clone(), path.display().to_string()]
        })
        .collect();
    let heading = [("frees", Side::Right), ("what", Side::Left), ("path", Side::Left)];
    output::write(format_args!("{}", table(&heading, &rows)));
    let total: u64 = garbage.iter().map(|item| item.bytes).sum();
    if !arguments.yes && !confirmed(&format!("free {}?", bytes(total))) {
        say!("nothing was freed; `{}` does not ask", Advice::Free { unasked: true }.command(&place));
        return Ok(code);
    }
    say!("{} freed", bytes(store.collect(&garbage)?));
    Ok(code)
}

/// Asks on a terminal; elsewhere, and where no answer can be read, it is no.
fn confirmed(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    output::write(format_args!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
