//! `revacnn man`: manual pages.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man;
use revacnn_store::write_output;

use super::{Arguments, Run};
use crate::error::Failure;
use crate::output::say;

/// Write manual pages.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn man > revacnn.1
  revacnn man plot loss
  revacnn man --output .

`man ./revacnn.1` shows a page; in a folder such as ~/.local/share/man/man1 it is found by its name.")]
pub(crate) struct ManArguments {
    /// The command, such as `train` or `plot loss` [default: the program].
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// A folder to write the pages of all commands into.
    #[arg(long, short, value_name = "DIR", conflicts_with = "command")]
    output: Option<PathBuf>,
}

impl Run for ManArguments {
    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        if json {
            return Err(Failure::Usage("man writes pages for people: it takes no --json".to_owned()));
        }
        let mut program = Arguments::command().disable_help_subcommand(true);
        // Gives every command its whole name and the options that are global.
        program.build();
        let Some(folder) = &self.output else {
            let mut asked = &program;
            for word in &self.command {
                asked = asked.find_subcommand(word).ok_or_else(|| unknown(asked, word))?;
            }
            std::io::stdout().write_all(&page(asked)?.1)?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut commands = vec![&program];
        let mut pages = 0;
        while let Some(command) = commands.pop() {
            let (name, page) = page(command)?;
            write_output::<Failure>(&folder.join(name), |output| Ok(output.write_all(&page)?))?;
            pages += 1;
            commands.extend(command.get_subcommands());
        }
        say!("{pages} pages are in {}", folder.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn page(command: &clap::Command) -> Result<(String, Vec<u8>), Failure> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok((man.get_filename(), page))
}

fn unknown(parent: &clap::Command, word: &str) -> Failure {
    let known: Vec<&str> = parent.get_subcommands().map(clap::Command::get_name).collect();
    let name = parent.get_bin_name().unwrap_or(parent.get_name());
    Failure::Usage(match &known[..] {
        [] => format!("`{name}` has no command `{word}`: it has none"),
        known => format!("`{name}` has no command `{word}`: there are {}", known.join(", ")),
    })
}
