//! `revacnn view`: the window, or a picture of it.

use std::process::ExitCode;

use revacnn_replay_ui::{ViewError, ViewOptions, run as open_window, screenshot};
use revacnn_schemas::Advice;

use crate::arguments::{ThemeName, ViewArguments};
use crate::error::Failure;
use crate::output::say;

pub(crate) fn run(arguments: &ViewArguments) -> Result<ExitCode, Failure> {
    let options = ViewOptions {
        store: arguments.place().store,
        data: arguments.data.folder(),
        address: arguments.address()?,
        beside: arguments.beside.clone(),
        filter: arguments.filter.clone(),
        size: arguments.size,
        dark: arguments.theme == ThemeName::Dark,
    };
    match &arguments.screenshot {
        Some(path) => {
            screenshot(&options, path)?;
            say!("{} is drawn", path.display());
        }
        None => {
            options.check()?;
            let at = options.address.clone();
            open_window(options).map_err(|error| match error {
                ViewError::Window(_) => Failure::from(error).advised(vec![Advice::Screenshot { at }]),
                error => error.into(),
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
