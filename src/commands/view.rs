//! `revacnn view`: the window, or a picture of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use revacnn_notebook::command::filter_name;
use revacnn_replay_ui::{SIZES, ViewError, ViewOptions, is_size, run as open_window, screenshot, settings_file};
use revacnn_schemas::{Address, Advice, BranchName, FilterNumber, LayerName, Place, SchemaError};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::npy;
use crate::options::{DataOption, StoreOption};
use crate::output::say;

/// The window's theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ThemeName {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Open the window: scrub, compare and steer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn view
  revacnn view main@epoch:2
  revacnn view other-runs
  revacnn view tour.md
  revacnn view wider@2000 --beside main --filter conv3/7
  revacnn view --screenshot wider.png --theme dark wider@last")]
pub(crate) struct ViewArguments {
    /// A store, an address in `--store`, or a notebook: a file that ends in .md.
    #[arg(value_name = "STORE|ADDRESS|NOTEBOOK")]
    place: Option<OsString>,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    /// A branch to show beside it.
    #[arg(long, value_name = "BRANCH")]
    beside: Option<BranchName>,
    /// A filter to choose.
    #[arg(long, value_name = "LAYER/FILTER", value_parser = filter_name)]
    filter: Option<(LayerName, FilterNumber)>,
    /// Draw the window into a PNG file instead of opening it.
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// Width and height [default: as they were last, 1440x900 at first].
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[u32; 2]>,
    /// The theme [default: as it was last, light at first].
    #[arg(long, value_name = "NAME")]
    theme: Option<ThemeName>,
}

impl ViewArguments {
    /// The notebook that was asked for.
    fn notebook(&self) -> Option<PathBuf> {
        let path = PathBuf::from(self.place.as_ref()?);
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        (["md", "markdown"].contains(&ending.as_str()) && !path.is_dir()).then_some(path)
    }

    /// The address that was asked for.
    fn address(&self) -> Result<Option<Address>, SchemaError> {
        match &self.place {
            Some(place) if !Path::new(place).is_dir() && self.notebook().is_none() => {
                place.to_string_lossy().parse().map(Some)
            }
            _ => Ok(None),
        }
    }
}

impl Run for ViewArguments {
    /// The store: a folder in its place is one, and what is none is an address.
    fn place(&self) -> Place {
        let folder = self.place.as_ref().map(PathBuf::from).filter(|place| place.is_dir());
        let mut place = self.store.place(Some(&self.data));
        place.store = folder.unwrap_or(place.store);
        place
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let options = ViewOptions {
            store: self.place().store,
            data: self.data.folder(),
            address: self.address()?,
            beside: self.beside.clone(),
            filter: self.filter.clone(),
            size: self.size,
            dark: self.theme.map(|theme| theme == ThemeName::Dark),
            // A picture is the same whoever draws it.
            settings: if self.screenshot.is_none() { settings_file() } else { None },
            notebook: self.notebook(),
            coefficients: npy::coefficients,
        };
        match &self.screenshot {
            Some(path) if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) => {
                let reason = "expected a file that ends in .png";
                return Err(Failure::Usage(format!("cannot write {}: {reason}", path.display())));
            }
            Some(path) => {
                screenshot(&options, path)?;
                if json {
                    say!("{}", json!({ "picture": path.to_string_lossy() }));
                } else {
                    say!("{} is drawn", path.display());
                }
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
}

/// `1440x900`.
fn size(text: &str) -> Result<[u32; 2], String> {
    let [[least_width, least_height], [width, height]] = SIZES;
    let expected =
        || format!("expected WIDTHxHEIGHT from {least_width}x{least_height} to {width}x{height}, found `{text}`");
    let (width, height) = text.split_once('x').ok_or_else(expected)?;
    let size = [width.parse().map_err(|_| expected())?, height.parse().map_err(|_| expected())?];
    if is_size(size) { Ok(size) } else { Err(expected()) }
}
