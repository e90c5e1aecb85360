//! A set of images, written as ranges: `3,17,100-200`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ImageIndex, SchemaError};

/// Images by their numbers. Equal sets are written alike, however they were named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageSet {
    /// First and last image of each run, ascending; between two runs is an image that is in neither.
    runs: Vec<(u32, u32)>,
}

impl ImageSet {
    /// Whether it has no image.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many images there are.
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether an image is in it.
    pub fn contains(&self, image: ImageIndex) -> bool {
        let after = self.runs.partition_point(|(first, _)| *first <= image.0);
        after > 0 && image.0 <= self.runs[after - 1].1
    }

    /// The first image.
    pub fn first(&self) -> Option<ImageIndex> {
        self.runs.first().map(|(first, _)| ImageIndex(*first))
    }

    /// The last image.
    pub fn last(&self) -> Option<ImageIndex> {
        self.runs.last().map(|(_, last)| ImageIndex(*last))
    }

    /// The images, ascending. There may be four billion of them.
    pub fn iter(&self) -> impl Iterator<Item = ImageIndex> {
        self.runs.iter().flat_map(|(first, last)| (*first..=*last).map(ImageIndex))
    }

    /// First and last image of each run, ascending.
    pub(crate) fn runs(&self) -> &[(u32, u32)] {
        &self.runs
    }

    /// The images that stand alone: neither the one before is in it nor the one after.
    pub fn alone(&self) -> impl Iterator<Item = ImageIndex> {
        self.runs.iter().filter(|(first, last)| first == last).map(|(first, _)| ImageIndex(*first))
    }

    /// The images of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::of_all([self, other])
    }

    /// The images of any of these.
    pub fn of_all<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::of_runs(sets.into_iter().flat_map(|set| &set.runs).copied().collect())
    }

    /// The images that are not in another.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut runs = Vec::new();
        for &(first, last) in &self.runs {
            let mut from = u64::from(first);
            let start = other.runs.partition_point(|(_, until)| *until < first);
            for &(out, until) in other.runs[start..].iter().take_while(|(out, _)| *out <= last) {
                if u64::from(out) > from {
                    runs.push((from as u32, out - 1));
                }
                from = u64::from(until) + 1;
            }
            if from <= u64::from(last) {
                runs.push((from as u32, last));
            }
        }
        Self { runs }
    }

    /// The images of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.minus(&self.minus(other))
    }

    /// In few words: all of it, where that is short, and else how many there are.
    pub fn in_short(&self) -> String {
        const LONGEST: usize = 32;
        let text = self.runs.iter().take(LONGEST).map(written).collect::<Vec<_>>().join(",");
        if self.runs.len() <= LONGEST && text.len() <= LONGEST {
            return text;
        }
        format!("{} images", self.len())
    }

    /// Runs in any order, which may overlap.
    fn of_runs(mut runs: Vec<(u32, u32)>) -> Self {
        runs.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(runs.len());
        for (first, last) in runs {
            match joined.last_mut() {
                Some((_, end)) if u64::from(first) <= u64::from(*end) + 1 => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self { runs: joined }
    }
}

impl FromIterator<ImageIndex> for ImageSet {
    fn from_iter<I: IntoIterator<Item = ImageIndex>>(images: I) -> Self {
        Self::of_runs(images.into_iter().map(|image| (image.0, image.0)).collect())
    }
}

fn written((first, last): &(u32, u32)) -> String {
    match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    }
}

impl fmt::Display for ImageSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, run) in self.runs.iter().enumerate() {
            if place > 0 {
                formatter.write_str(",")?;
            }
            formatter.write_str(&written(run))?;
        }
        Ok(())
    }
}

impl FromStr for ImageSet {
    type Err = SchemaError;

    /// Numbers and ranges in any order, with commas between them.
    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let malformed = |found: &str, expected| SchemaError::Malformed {
            what: "list of training images",
            expected,
            found: found.chars().take(80).collect(),
        };
        let number = |part: &str| {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse::<u32>().ok()).flatten()
        };
        let run = |part: &str| {
            let part = part.trim();
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            match (number(first.trim()), number(last.trim())) {
                (Some(first), Some(last)) if first <= last => Ok((first, last)),
                (Some(_), Some(_)) => Err(malformed(part, "the smaller number first, such as 100-200")),
                _ => Err(malformed(part, "numbers and ranges such as 3,17,100-200")),
            }
        };
        text.split(',').map(run).collect::<Result<_, _>>().map(Self::of_runs)
    }
}

impl TryFrom<String> for ImageSet {
    type Error = SchemaError;

    fn try_from(text: String) -> Result<Self, SchemaError> {
        if text.is_empty() { Ok(Self::default()) } else { text.parse() }
    }
}

impl From<ImageSet> for String {
    fn from(set: ImageSet) -> Self {
        set.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ImageSet {
        text.to_owned().try_into().unwrap()
    }

    fn numbers(set: &ImageSet) -> Vec<u32> {
        set.iter().map(|image| image.0).collect()
    }

    #[test]
    fn equal_sets_are_written_alike() {
        for text in ["3,17,100-103", "100-103,17,3", "3-3,101,100-102,103,17,3", " 3, 17 ,100 - 103"] {
            assert_eq!(set(text).to_string(), "3,17,100-103", "{text}");
            assert_eq!(set(text), numbers(&set(text)).into_iter().map(ImageIndex).collect());
        }
        assert_eq!(set("1,2,4").to_string(), "1-2,4");
        let all = set("0-4294967295");
        assert_eq!((all.len(), all.contains(ImageIndex(u32::MAX))), (1 << 32, true));
        assert_eq!((all.minus(&set("7")).to_string(), all.minus(&all)), ("0-6,8-4294967295".into(), set("")));
        let json = serde_json::to_string(&set("3,4")).unwrap();
        assert_eq!((&*json, serde_json::from_str::<ImageSet>(&json).unwrap()), ("\"3-4\"", set("3-4")));
        let many: ImageSet = (0..1000).map(|image| ImageIndex(2 * image)).collect();
        assert_eq!((many.in_short(), set("3,5-9").in_short()), ("1000 images".into(), "3,5-9".into()));
        assert_eq!(set("3,5-6,9").alone().map(|image| image.0).collect::<Vec<_>>(), [3, 9]);
    }

    #[test]
    fn what_is_no_list_is_named() {
        for (text, named) in [
            ("", "``"),
            ("3,,4", "``"),
            ("3,x", "`x`"),
            ("3-", "`3-`"),
            ("-3", "`-3`"),
            ("+3", "`+3`"),
            ("1-2-3", "`1-2-3`"),
            ("9-3", "the smaller number first"),
            ("4294967296", "`4294967296`"),
        ] {
            let error = text.parse::<ImageSet>().unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    /// Compared with sets of numbers one by one.
    #[test]
    fn operations_are_those_of_sets() {
        let mut draw = 1_u64;
        let mut next = || {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            draw >> 33
        };
        for _ in 0..500 {
            let mut some = || -> Vec<u32> { (0..24).filter(|_| next() % 2 == 0).collect() };
            let (left, right) = (some(), some());
            let [a, b] = [&left, &right].map(|all| all.iter().copied().map(ImageIndex).collect::<ImageSet>());
            let of = |keep: fn(bool, bool) -> bool| -> Vec<u32> {
                (0..24).filter(|number| keep(left.contains(number), right.contains(number))).collect()
            };
            assert_eq!(numbers(&a.union(&b)), of(|a, b| a || b));
            assert_eq!(numbers(&a.minus(&b)), of(|a, b| a && !b));
            assert_eq!(numbers(&a.intersection(&b)), of(|a, b| a && b));
            assert_eq!(a.len(), left.len() as u64);
            assert!((0..24).all(|number| a.contains(ImageIndex(number)) == left.contains(&number)));
        }
    }
}
