//! How training images are varied.

use clap::Args;
use revacnn_schemas::{AugmentationRequest, number};

use super::print::{Print, Words};
use super::values::whole;

/// What a person says of the ways in which training images are varied, drawn anew for each image and epoch.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct AugmentationOptions {
    /// Move training images by up to so many pixels in either direction [default: the data set's].
    #[arg(long, value_name = "PIXELS", value_parser = whole::<u8>)]
    pub(crate) shift: Option<u8>,
    /// Mirror every second training image left to right, on average [default: the data set's].
    #[arg(long, value_name = "on|off", value_parser = on_or_off)]
    pub(crate) flip: Option<bool>,
    /// Crop training images to a random part of at least this share of their area, enlarged to their
    /// size; 1 crops nothing [default: 1].
    #[arg(long, value_name = "SHARE", value_parser = number)]
    pub(crate) crop: Option<f64>,
    /// Change the brightness of training images by up to this, relative to it; from 0 to 1 [default: 0].
    #[arg(long, value_name = "CHANGE", value_parser = number)]
    pub(crate) brightness: Option<f64>,
    /// Change the contrast of training images by up to this, relative to it; from 0 to 1 [default: 0].
    #[arg(long, value_name = "CHANGE", value_parser = number)]
    pub(crate) contrast: Option<f64>,
    /// Cut a square of this side out of each training image [default: 0].
    #[arg(long, value_name = "PIXELS", value_parser = whole::<u16>)]
    pub(crate) cutout: Option<u16>,
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("expected `on` or `off`, found `{text}`")),
    }
}

impl AugmentationOptions {
    /// What is asked for.
    pub(crate) const fn request(&self) -> AugmentationRequest {
        let &Self { shift, flip, crop, brightness, contrast, cutout } = self;
        AugmentationRequest { shift, flip, crop, brightness, contrast, cutout }
    }

    /// The words of a command that ask for it.
    pub fn words(request: AugmentationRequest) -> Vec<String> {
        let mut words = Words::default();
        Self::of(request).print(&mut words);
        words.into_words()
    }

    /// The options that ask for this.
    pub(crate) const fn of(request: AugmentationRequest) -> Self {
        let AugmentationRequest { shift, flip, crop, brightness, contrast, cutout } = request;
        Self { shift, flip, crop, brightness, contrast, cutout }
    }
}

impl Print for AugmentationOptions {
    fn print(&self, words: &mut Words) {
        let Self { shift, flip, crop, brightness, contrast, cutout } = self;
        words.option("shift", *shift);
        words.option("flip", flip.map(|flip| if flip { "on" } else { "off" }));
        words.number("crop", *crop);
        words.number("brightness", *brightness);
        words.number("contrast", *contrast);
        words.option("cutout", *cutout);
    }
}
