//! What `revacnn view` takes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use revacnn_schemas::{Address, BranchName, FilterNumber, LayerName, Place, SchemaError};

use super::{DataFolder, StoreArguments};

/// The window's theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeName {
    Light,
    Dark,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn view
  revacnn view main@epoch:2
  revacnn view other-runs
  revacnn view wider@2000 --beside main --filter conv3/7
  revacnn view --screenshot wider.png --theme dark wider@last")]
pub(crate) struct ViewArguments {
    /// A store, or an address in `--store`.
    #[arg(value_name = "STORE|ADDRESS")]
    pub(crate) place: Option<OsString>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    #[command(flatten)]
    pub(crate) data: DataFolder,
    /// A branch to show beside it.
    #[arg(long, value_name = "BRANCH")]
    pub(crate) beside: Option<BranchName>,
    /// A filter to choose.
    #[arg(long, value_name = "LAYER/FILTER", value_parser = filter)]
    pub(crate) filter: Option<(LayerName, FilterNumber)>,
    /// Draw the window into a PNG file instead of opening it.
    #[arg(long, value_name = "FILE")]
    pub(crate) screenshot: Option<PathBuf>,
    /// Width and height.
    #[arg(long, value_name = "WxH", default_value = "1440x900", value_parser = size)]
    pub(crate) size: [u32; 2],
    /// The theme.
    #[arg(long, value_name = "NAME", default_value = "light")]
    pub(crate) theme: ThemeName,
}

impl ViewArguments {
    /// The store: a folder in its place is one, and what is none is an address.
    pub(crate) fn place(&self) -> Place {
        let folder = self.place.as_ref().map(PathBuf::from).filter(|place| place.is_dir());
        let mut place = self.store.place(Some(&self.data));
        place.store = folder.unwrap_or(place.store);
        place
    }

    /// The address that was asked for.
    pub(crate) fn address(&self) -> Result<Option<Address>, SchemaError> {
        match &self.place {
            Some(place) if !Path::new(place).is_dir() => place.to_string_lossy().parse().map(Some),
            _ => Ok(None),
        }
    }
}

/// `conv3/7`.
fn filter(text: &str) -> Result<(LayerName, FilterNumber), String> {
    let expected = || format!("expected LAYER/FILTER, such as conv3/7, found `{text}`");
    let (layer, number) = text.split_once('/').ok_or_else(expected)?;
    Ok((layer.parse().map_err(|_| expected())?, FilterNumber(number.parse().map_err(|_| expected())?)))
}

/// `1440x900`.
fn size(text: &str) -> Result<[u32; 2], String> {
    let expected = || format!("expected WIDTHxHEIGHT from 640x480 to 7680x4320, found `{text}`");
    let (width, height) = text.split_once('x').ok_or_else(expected)?;
    let size = [width.parse().map_err(|_| expected())?, height.parse().map_err(|_| expected())?];
    let fits = (640..=7680).contains(&size[0]) && (480..=4320).contains(&size[1]);
    if fits { Ok(size) } else { Err(expected()) }
}
