//! `revacnn`: the command line. Arguments in, one call into the crates below,
//! text out.

mod commands;
mod error;
mod interrupt;
mod npy;
mod options;
mod output;
mod run;
mod text;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use revacnn_schemas::{DEFAULT_STORE, Place, lines};

use commands::Arguments;
use error::Failure;

fn main() -> ExitCode {
    let Arguments { command, json } = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(words) => return say_words(&words, asks_for_json()),
    };
    let command = command.as_run();
    let place = command.place();
    let result = command.run(json);
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

/// Whether arguments that the parser refused ask for JSON.
fn asks_for_json() -> bool {
    std::env::args_os().skip(1).take_while(|word| word != "--").any(|word| word == "--json")
}

/// Prints what the parser has to say: help, the version, or what is wrong with
/// the arguments.
fn say_words(words: &clap::Error, json: bool) -> ExitCode {
    if let Some(reason) = commands::left_out(words).or_else(|| commands::other_kinds_option(words)) {
        return report(&Failure::Usage(reason), json, &Place { store: DEFAULT_STORE.into(), data: None });
    }
    if json && words.use_stderr() {
        let text = words.to_string();
        let message = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        let _ = writeln!(output::out(), "{}", serde_json::json!({ "event": "error", "message": message }));
    }
    match words.print() {
        Err(error) if !words.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            output::tell(&format!("{} {}", text::strong("error:"), Failure::Output(error)));
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
        let _ = writeln!(output::out(), "{line}");
    }
    let said = if failure.has_lines() { lines(&failure.to_string()) } else { text::printable(failure) };
    let mut words = format!("{} {said}", text::strong("error:"));
    if !advice.is_empty() {
        words += &format!("\n\n{}", text::next(&advice, place));
    }
    output::tell(&words);
    ExitCode::from(failure.exit_code())
}
