//! Smoothing of curves: the exponential moving average that TensorBoard draws.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much of a smoothed point is what came before it: from 0, as it was recorded, to
/// less than 1.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Smoothing(f64);

impl Smoothing {
    /// Smoothing by a weight.
    ///
    /// # Errors
    /// What was expected, where the weight is not from 0 to less than 1.
    pub fn new(weight: f64) -> Result<Self, String> {
        if (0.0..1.0).contains(&weight) {
            Ok(Self(weight))
        } else {
            Err(format!("expected a smoothing from 0 to less than 1, such as 0.6, found {weight}"))
        }
    }

    /// The weight.
    pub fn weight(self) -> f64 {
        self.0
    }

    /// Whether curves are drawn as they were recorded.
    pub fn is_none(&self) -> bool {
        self.0 == 0.0
    }

    /// The same of points that are each so large a part of one: over as long a stretch.
    pub(crate) fn of_parts(self, part: f64) -> Self {
        if self.is_none() { self } else { Self(self.0.powf(part).min(1.0 - f64::EPSILON)) }
    }

    /// Smoothed points; a gap stays one, and the average goes on after it.
    ///
    /// Source: TensorBoard's scalar charts. The average m ← w·m + (1 − w)·x starts at 0 and
    /// is divided by 1 − wⁿ after n points, so that it does not begin too low.
    pub(crate) fn smooth(self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let (weight, mut mean, mut left) = (self.0, 0.0, 1.0);
        let next = |&[x, y]: &[f64; 2]| {
            if !y.is_finite() {
                return [x, y];
            }
            mean = weight * mean + (1.0 - weight) * y;
            left *= weight;
            [x, mean / (1.0 - left)]
        };
        points.iter().map(next).collect()
    }
}

impl TryFrom<f64> for Smoothing {
    type Error = String;

    fn try_from(weight: f64) -> Result<Self, String> {
        Self::new(weight)
    }
}

impl From<Smoothing> for f64 {
    fn from(smoothing: Smoothing) -> Self {
        smoothing.0
    }
}

impl FromStr for Smoothing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let weight = text.parse();
        Self::new(weight.map_err(|_| format!("expected a smoothing from 0 to less than 1, found `{text}`"))?)
    }
}

impl fmt::Display for Smoothing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(weight: f64, values: &[f64]) -> Vec<f64> {
        let points: Vec<[f64; 2]> = values.iter().enumerate().map(|(x, y)| [x as f64, *y]).collect();
        Smoothing::new(weight).unwrap().smooth(&points).into_iter().map(|point| point[1]).collect()
    }

    #[test]
    fn the_average_is_that_of_tensorboard() {
        // By hand, for 0.6: 4; (0.6·1.6 + 0.4·2)/0.64; (0.6·1.76 + 0.4·0)/0.784.
        let found = smoothed(0.6, &[4.0, 2.0, 0.0]);
        for (found, right) in found.iter().zip([4.0, 2.75, 1.056 / 0.784]) {
            assert!((found - right).abs() < 1e-12, "{found} {right}");
        }
        assert_eq!(smoothed(0.0, &[4.0, 2.0]), [4.0, 2.0]);
    }

    #[test]
    fn what_is_constant_stays_so_and_a_gap_stays_a_gap() {
        for value in smoothed(0.99, &[3.0; 50]) {
            assert!((value - 3.0).abs() < 1e-12, "{value}");
        }
        let found = smoothed(0.5, &[f64::NAN, 1.0, f64::INFINITY, 1.0]);
        assert!(found[0].is_nan() && found[2].is_infinite());
        assert!((found[1] - 1.0).abs() < 1e-12 && (found[3] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn of_closer_points_as_long_a_stretch_is_taken_in() {
        let whole = Smoothing::new(0.9).unwrap();
        let quarter = whole.of_parts(0.25).weight();
        assert!((quarter.powi(4) - 0.9).abs() < 1e-12);
        assert!(Smoothing::default().of_parts(0.1).is_none());
    }

    #[test]
    fn a_weight_is_below_one() {
        for wrong in ["1", "-0.1", "nan", "much"] {
            let error = wrong.parse::<Smoothing>().unwrap_err();
            assert!(error.contains("expected a smoothing from 0 to less than 1"), "{error}");
        }
        assert_eq!("0.6".parse::<Smoothing>().unwrap().to_string(), "0.6");
        assert!(serde_json::from_str::<Smoothing>("1.5").is_err());
    }
}
