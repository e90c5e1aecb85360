//! How training images are varied.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How training images are varied, drawn anew for each image and epoch.
///
/// What is not there is not written, so that a definition without it is what it was
/// before there was such a thing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentationSpec {
    /// Largest shift in either direction, in pixels.
    pub shift: u8,
    /// Whether half of the images are mirrored left to right.
    pub flip: bool,
    /// Least share of an image's area that a random crop keeps, in (0, 1]; the crop is enlarged to the
    /// image's size. 1 crops nothing.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub crop: f64,
    /// Largest relative change of brightness, from 0 to 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub brightness: f64,
    /// Largest relative change of contrast, from 0 to 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub contrast: f64,
    /// Side of a square that is cut out, in pixels; 0 cuts nothing out.
    #[serde(default, skip_serializing_if = "is_no_pixel")]
    pub cutout: u16,
}

const fn whole() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_whole(share: &f64) -> bool {
    *share == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(change: &f64) -> bool {
    *change == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_no_pixel(side: &u16) -> bool {
    *side == 0
}

impl AugmentationSpec {
    /// Images as they are.
    pub const NONE: Self = Self { shift: 0, flip: false, crop: 1.0, brightness: 0.0, contrast: 0.0, cutout: 0 };

    /// Up to two pixels and mirroring, as in the ConvNetJS CIFAR-10 demo.
    pub const SHIFT_AND_FLIP: Self = Self { shift: 2, flip: true, ..Self::NONE };
}

impl Default for AugmentationSpec {
    /// [`SHIFT_AND_FLIP`](Self::SHIFT_AND_FLIP).
    fn default() -> Self {
        Self::SHIFT_AND_FLIP
    }
}

/// Every way that is there, in the order in which they are in the spec.
impl fmt::Display for AugmentationSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shift, flip, crop, brightness, contrast, cutout } = self;
        write!(formatter, "shift {shift} flip {flip}")?;
        if !is_whole(crop) {
            write!(formatter, " crop {crop}")?;
        }
        for (name, change) in [("brightness", brightness), ("contrast", contrast)] {
            if !is_zero(change) {
                write!(formatter, " {name} {change}")?;
            }
        }
        if !is_no_pixel(cutout) {
            write!(formatter, " cutout {cutout}")?;
        }
        Ok(())
    }
}

/// Ways to vary images that are asked for; the others are as they are otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AugmentationRequest {
    /// Largest shift, in pixels.
    pub shift: Option<u8>,
    /// Whether images are mirrored.
    pub flip: Option<bool>,
    /// Least share of the area that a crop keeps.
    pub crop: Option<f64>,
    /// Largest relative change of brightness.
    pub brightness: Option<f64>,
    /// Largest relative change of contrast.
    pub contrast: Option<f64>,
    /// Side of the square that is cut out, in pixels.
    pub cutout: Option<u16>,
}

impl AugmentationRequest {
    /// What is asked for, and for the rest what there is without it.
    #[must_use]
    pub fn over(self, usual: AugmentationSpec) -> AugmentationSpec {
        AugmentationSpec {
            shift: self.shift.unwrap_or(usual.shift),
            flip: self.flip.unwrap_or(usual.flip),
            crop: self.crop.unwrap_or(usual.crop),
            brightness: self.brightness.unwrap_or(usual.brightness),
            contrast: self.contrast.unwrap_or(usual.contrast),
            cutout: self.cutout.unwrap_or(usual.cutout),
        }
    }

    /// What has to be asked for so that `usual` becomes this.
    pub fn between(usual: AugmentationSpec, wanted: AugmentationSpec) -> Self {
        fn other<T: PartialEq>(usual: T, wanted: T) -> Option<T> {
            (wanted != usual).then_some(wanted)
        }
        Self {
            shift: other(usual.shift, wanted.shift),
            flip: other(usual.flip, wanted.flip),
            crop: other(usual.crop, wanted.crop),
            brightness: other(usual.brightness, wanted.brightness),
            contrast: other(usual.contrast, wanted.contrast),
            cutout: other(usual.cutout, wanted.cutout),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_written_and_read_as_nothing() {
        let written = serde_json::to_string(&AugmentationSpec::default()).unwrap();
        assert_eq!(written, r#"{"shift":2,"flip":true}"#, "as before there were other ways");
        assert_eq!(AugmentationSpec::default().to_string(), "shift 2 flip true");
        let read: AugmentationSpec = serde_json::from_str(&written).unwrap();
        assert_eq!(read, AugmentationSpec::default());
        let all = AugmentationSpec { crop: 0.5, brightness: 0.2, contrast: 0.4, cutout: 8, ..read };
        let written = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<AugmentationSpec>(&written).unwrap(), all);
        assert_eq!(all.to_string(), "shift 2 flip true crop 0.5 brightness 0.2 contrast 0.4 cutout 8");
    }

    #[test]
    fn what_is_asked_for_is_what_makes_the_difference() {
        let usual = AugmentationSpec::default();
        let wanted = AugmentationSpec { shift: 0, crop: 0.25, cutout: 3, ..usual };
        let asked = AugmentationRequest::between(usual, wanted);
        assert_eq!(asked, AugmentationRequest { shift: Some(0), crop: Some(0.25), cutout: Some(3), ..asked });
        assert_eq!((asked.flip, asked.brightness, asked.contrast), (None, None, None));
        assert_eq!(asked.over(usual), wanted);
        assert_eq!(AugmentationRequest::between(usual, usual), AugmentationRequest::default());
    }
}
