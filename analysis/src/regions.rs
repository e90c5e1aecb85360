//! The regions in which a network says one class, seen along straight lines between images.

use crate::AnalysisError;

/// A straight line between two images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionLine {
    /// The classes of the images at its ends.
    pub ends: [u32; 2],
    /// What is predicted at its ends.
    pub predicted: [u32; 2],
    /// What is predicted along it, from the first end to the second.
    pub along: Vec<u32>,
}

/// What lines tell of the region of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassRegion {
    /// Lines between two images of the class that are both predicted so.
    pub lines: usize,
    /// How many of these are in the class's region all along.
    pub staying: usize,
    /// The share of all points of lines between images of two classes that are in the class's region; NaN where
    /// there is no such line.
    pub space: f64,
}

/// What lines tell of all regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Regions {
    /// `[class]`
    pub classes: Vec<ClassRegion>,
    /// How many third classes' regions a line between two images that are predicted as two classes passes
    /// through, in the mean; NaN where there is no such line.
    pub passed: f64,
    /// Where along such a line the first end's region is left, from 0 to 1, in the mean; NaN where there is
    /// no such line.
    pub left_at: f64,
}

/// What straight lines between images tell of the regions in which classes are predicted: whether the region
/// of a class holds what lies between its images, and how much of what lies between the images of two
/// classes it takes.
///
/// Source: Fawzi, Moosavi-Dezfooli, Frossard and Soatto, *Empirical Study of the Topology and Geometry of Deep
/// Networks* (2018), which asks the same of regions along paths.
///
/// # Errors
/// [`AnalysisError::Shape`] of a class from `classes` on, and a line without points.
pub fn decision_regions(lines: &[RegionLine], classes: usize) -> Result<Regions, AnalysisError> {
    let shape = |what, expected: String, found: String| Err(AnalysisError::Shape { what, expected, found });
    let mut found = vec![ClassRegion { lines: 0, staying: 0, space: 0.0 }; classes];
    let (mut points, mut in_class) = (0_u64, vec![0_u64; classes]);
    let (mut crossing, mut passed, mut left_at) = (0_u64, 0_u64, 0.0);
    for line in lines {
        let all = || line.ends.iter().chain(&line.predicted).chain(&line.along);
        if let Some(class) = all().find(|class| **class as usize >= classes) {
            return shape("classes", format!("below {classes}"), class.to_string());
        }
        if line.along.is_empty() {
            return shape("points of a line", "at least 1".to_owned(), "0".to_owned());
        }
        let [first, second] = line.ends;
        if first == second {
            if line.predicted == line.ends {
                let region = &mut found[first as usize];
                region.lines += 1;
                region.staying += usize::from(line.along.iter().all(|class| *class == first));
            }
            continue;
        }
        points += line.along.len() as u64;
        line.along.iter().for_each(|class| in_class[*class as usize] += 1);
        let [from, to] = line.predicted;
        if from == to {
            continue;
        }
        crossing += 1;
        let mut others: Vec<u32> = line.along.iter().copied().filter(|class| ![from, to].contains(class)).collect();
        others.sort_unstable();
        others.dedup();
        passed += others.len() as u64;
        // Between two points the boundary is taken to be in the middle.
        let before = line.along.iter().take_while(|class| **class == from).count();
        left_at += (before as f64 + 0.5) / (line.along.len() + 1) as f64;
    }
    for (region, points_in) in found.iter_mut().zip(in_class) {
        region.space = points_in as f64 / points as f64;
    }
    let crossing = crossing as f64;
    Ok(Regions { classes: found, passed: passed as f64 / crossing, left_at: left_at / crossing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ends: [u32; 2], predicted: [u32; 2], along: &[u32]) -> RegionLine {
        RegionLine { ends, predicted, along: along.to_vec() }
    }

    #[test]
    fn lines_by_hand() {
        let lines = [
            line([0, 0], [0, 0], &[0, 0, 0]),
            line([0, 0], [0, 0], &[0, 2, 0]),
            // One of its images is taken for another class.
            line([0, 0], [0, 1], &[0, 0, 1]),
            line([1, 1], [1, 1], &[1, 1, 1]),
            line([0, 1], [0, 1], &[0, 2, 1]),
            line([1, 0], [1, 0], &[1, 0, 0]),
            line([0, 2], [1, 1], &[1, 1, 1]),
        ];
        let found = decision_regions(&lines, 3).unwrap();
        let of = |class: usize| (found.classes[class].lines, found.classes[class].staying);
        assert_eq!([of(0), of(1), of(2)], [(2, 1), (1, 1), (0, 0)]);
        let spaces: Vec<f64> = found.classes.iter().map(|region| 9.0 * region.space).collect();
        for (space, expected) in spaces.iter().zip([3.0, 5.0, 1.0]) {
            assert!((space - expected).abs() < 1e-12, "{spaces:?}");
        }
        // The two lines that lead from one class to another: past class 2, and past none.
        assert!((found.passed - 0.5).abs() < 1e-12);
        assert!((found.left_at - 0.375).abs() < 1e-12, "{}", found.left_at);
        let none = decision_regions(&lines[..4], 3).unwrap();
        assert!(none.passed.is_nan() && none.left_at.is_nan() && none.classes[0].space.is_nan());
    }

    #[test]
    fn what_is_no_class_and_a_line_of_no_points_are_refused() {
        assert!(decision_regions(&[line([0, 3], [0, 0], &[0])], 3).unwrap_err().to_string().contains("below 3"));
        assert!(decision_regions(&[line([0, 1], [0, 0], &[])], 3).is_err());
    }
}
