//! `revacnn rename`, `delete` and `gc`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use revacnn_recorder::{GarbageList, Store};

use crate::arguments::{DeleteArguments, GcArguments, RenameArguments};
use crate::error::Failure;
use crate::text::{Side, bytes, say, table, warn};

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
        say!("{name} is deleted; `revacnn delete {name} --undo` takes it back, `revacnn gc` frees its space");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn gc(arguments: &GcArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let GarbageList { items: garbage, problems } = store.garbage()?;
    for problem in &problems {
        warn(problem);
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
    write!(
        std::io::stdout(),
        "{}",
        table(&[("frees", Side::Right), ("what", Side::Left), ("path", Side::Left)], &rows)
    )?;
    let total: u64 = garbage.iter().map(|item| item.bytes).sum();
    if !arguments.yes && !confirmed(&format!("free {}?", bytes(total)))? {
        say!("nothing was freed; `revacnn gc --yes` does not ask");
        return Ok(code);
    }
    say!("{} freed", bytes(store.collect(&garbage)?));
    Ok(code)
}

/// Asks on a terminal; elsewhere the answer is no.
fn confirmed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    write!(std::io::stdout(), "{question} [y/N] ")?;
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
