//! `revacnn`: the command line. Arguments in, one call into the crates below,
//! text out.

mod arguments;
mod commands;
mod error;
mod interrupt;
mod npy;
mod run;
mod text;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use error::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json();
    let result = match arguments.command {
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Log(arguments) => commands::log::run(&arguments),
        Command::Show(arguments) => commands::show::run(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments),
        Command::Data(arguments) => commands::data::run(&arguments),
        #[cfg(feature = "sql")]
        Command::Query(arguments) => commands::query::run(&arguments),
        Command::Fork(arguments) => commands::fork::run(&arguments),
        Command::Resume(arguments) => commands::resume::run(&arguments),
        Command::Steer(arguments) => commands::steer::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Diff(arguments) => commands::diff::run(&arguments),
        #[cfg(feature = "view")]
        Command::View(arguments) => commands::view::run(&arguments),
        Command::Plot(arguments) => commands::plot::plot(&arguments),
        Command::Embed(arguments) => commands::plot::embed(&arguments),
        Command::Compare(arguments) => commands::plot::compare(&arguments),
        Command::Materialise(arguments) => commands::materialise::run(&arguments),
        Command::Compact(arguments) => commands::compact::run(&arguments),
        Command::Rename(arguments) => commands::tidy::rename(&arguments),
        Command::Delete(arguments) => commands::tidy::delete(&arguments),
        Command::Gc(arguments) => commands::tidy::gc(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(failure) => report(&failure, json),
    }
}

/// Prints a failure for people, or for programs, and gives its exit code.
fn report(failure: &Failure, json: bool) -> ExitCode {
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    // Where nobody listens there is nobody to tell: the exit code remains.
    if json {
        let line = serde_json::json!({ "event": "error", "message": failure.to_string() });
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    let _ = writeln!(std::io::stderr(), "{} {}", text::strong("error:"), text::printable(failure));
    ExitCode::from(failure.exit_code())
}
