//! `revacnn completions`: what a shell can complete.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Run};
use crate::error::Failure;

/// Write the script with which a shell completes commands and options.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn completions bash > ~/.local/share/bash-completion/completions/revacnn
  revacnn completions zsh > ~/.zfunc/_revacnn
  revacnn completions fish > ~/.config/fish/completions/revacnn.fish

The folder must be there. zsh looks into ~/.zfunc where `fpath` names it before `compinit`.")]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Run for CompletionsArguments {
    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        if json {
            return Err(Failure::Usage("completions writes a script for a shell: it takes no --json".to_owned()));
        }
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "revacnn", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
