//! `revacnn`: the command line. Arguments in, one call into the crates below,
//! text out.

mod arguments;
mod commands;
mod error;
mod interrupt;
mod npy;
mod output;
mod run;
mod text;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use revacnn_schemas::Place;

use arguments::{Arguments, Command};
use error::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(words) => return say_words(&words),
    };
    let (json, place) = (arguments.json(), arguments.place());
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
    let code = match result {
        Ok(code) => code,
        Err(failure) => report(&failure, json, &place),
    };
    match output::lost() {
        Some(error) if code == ExitCode::SUCCESS => report(&error.into(), json, &place),
        Some(error) => {
            report(&error.into(), json, &place);
            code
        }
        None => code,
    }
}

/// Prints what the parser has to say: help, the version, or what is wrong with
/// the arguments.
fn say_words(words: &clap::Error) -> ExitCode {
    match words.print() {
        Err(error) if !words.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "{} {}", text::strong("error:"), Failure::Output(error));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(words.exit_code()).unwrap_or(2)),
    }
}

/// Prints a failure for people, or for programs, and gives its exit code.
fn report(failure: &Failure, json: bool, place: &Place) -> ExitCode {
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    // Where nobody listens there is nobody to tell: the exit code remains.
    let advice = failure.advice();
    if json {
        let mut line = serde_json::json!({ "event": "error", "message": failure.to_string() });
        if !advice.is_empty() {
            line["next"] = advice.iter().map(|advice| advice.command(place)).collect();
        }
        let _ = writeln!(std::io::stdout(), "{line}");
    }
    let mut words = format!("{} {}", text::strong("error:"), text::printable(failure));
    if !advice.is_empty() {
        words += &format!("\n\n{}", text::next(&advice, place));
    }
    output::tell(&words);
    ExitCode::from(failure.exit_code())
}
