//! `revacnn`: the command line. Arguments in, one call into the crates below,
//! text out.

mod arguments;
mod commands;
mod error;
mod interrupt;
mod text;

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
    if json {
        println!("{}", serde_json::json!({ "event": "error", "message": failure.to_string() }));
    }
    eprintln!("{} {failure}", text::strong("error:"));
    ExitCode::from(failure.exit_code())
}
