//! `revacnn view`: the window, or a picture of it.

use std::path::Path;
use std::process::ExitCode;

use revacnn_replay_ui::{ViewOptions, run as open_window, screenshot};
use revacnn_schemas::Address;

use crate::arguments::{ThemeName, ViewArguments};
use crate::error::Failure;
use crate::text::say;

pub(crate) fn run(arguments: &ViewArguments) -> Result<ExitCode, Failure> {
    let mut options = ViewOptions {
        store: arguments.store.store.clone(),
        data: arguments.data.folder(),
        address: None,
        beside: arguments.beside.clone(),
        filter: arguments.filter.clone(),
        size: arguments.size,
        dark: arguments.theme == ThemeName::Dark,
    };
    if let Some(place) = &arguments.place {
        // A folder is a store; what is none is an address.
        if Path::new(place).is_dir() {
            options.store = place.into();
        } else {
            options.address = Some(place.parse::<Address>()?);
        }
    }
    match &arguments.screenshot {
        Some(path) => {
            screenshot(&options, path)?;
            say!("{} is drawn", path.display());
        }
        None => {
            options.check()?;
            open_window(options)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
