//! The descent behind t-SNE for thousands of points: by momentum, with a gain for each
//! coordinate.

use crate::AnalysisError;
use crate::field::Field;
use crate::tsne::centre;

const MOMENTUM: f64 = 0.8;
/// What is added to the gain of a coordinate that goes on downwards.
const RISE: f64 = 0.2;
/// What the gain of any other coordinate is multiplied by, and what is added to it then.
const FALL: [f64; 2] = [0.8, 0.01];
/// The farthest that a point moves in a step.
const LONGEST_MOVE: f64 = 5.0;

/// What holds points where they are elsewhere.
pub(crate) struct Anchors<'a> {
    /// Where each point is held, if it is.
    pub(crate) places: &'a [Option<[f64; 2]>],
    /// How strongly, as a share of what the point's neighbours do.
    pub(crate) pull: f64,
}

impl Anchors<'_> {
    /// Adds the gradient of `pull/n Σᵢ ln(1 + |yᵢ − rᵢ|²)`: the anchor of a point attracts as
    /// a neighbour does whose affinity is the share `pull` of what all of its neighbours
    /// have. Far away that fades, so that a point that belongs elsewhere goes there.
    fn add_gradient(&self, positions: &[[f64; 2]], gradient: &mut [[f64; 2]]) {
        let share = 2.0 * self.pull / positions.len() as f64;
        for ((slope, [x, y]), place) in gradient.iter_mut().zip(positions).zip(self.places) {
            let Some(place) = place else { continue };
            let (dx, dy) = (x - place[0], y - place[1]);
            let weight = share / (1.0 + (dx * dx + dy * dy));
            slope[0] += weight * dx;
            slope[1] += weight * dy;
        }
    }
}

/// Moves positions down the gradient of the divergence, whose attractive part is
/// multiplied by `exaggeration`; `progress` is told how many steps are done.
///
/// The learning rate is the number of points divided by the exaggeration. Without anchors
/// the mean stays at the origin.
///
/// Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE", JMLR 2008,
/// section 3.4 (momentum and gains); A. Belkina et al., "Automated optimized parameters for
/// T-distributed stochastic neighbor embedding", Nature Communications 2019 (the rate);
/// momentum, gains and the longest move as in openTSNE 1.0.
pub(crate) fn descend(
    field: &mut Field<'_>,
    positions: &mut [[f64; 2]],
    exaggeration: f64,
    iterations: usize,
    anchors: Option<&Anchors<'_>>,
    progress: &mut dyn FnMut(usize) -> Result<(), AnalysisError>,
) -> Result<(), AnalysisError> {
    let rate = positions.len() as f64 / exaggeration;
    let mut gradient = vec![[0.0f64; 2]; positions.len()];
    let mut moves = vec![[0.0f64; 2]; positions.len()];
    let mut gains = vec![[1.0f64; 2]; positions.len()];
    for iteration in 0..iterations {
        progress(iteration)?;
        field.gradient(positions, exaggeration, &mut gradient);
        if let Some(anchors) = anchors {
            anchors.add_gradient(positions, &mut gradient);
        }
        for (((position, moved), gains), slope) in positions.iter_mut().zip(&mut moves).zip(&mut gains).zip(&gradient) {
            for axis in 0..2 {
                let goes_on = (moved[axis] > 0.0) != (slope[axis] > 0.0);
                gains[axis] = if goes_on { gains[axis] + RISE } else { gains[axis] * FALL[0] + FALL[1] };
                moved[axis] = MOMENTUM * moved[axis] - rate * gains[axis] * slope[axis];
            }
            let length = (moved[0] * moved[0] + moved[1] * moved[1]).sqrt();
            if length > LONGEST_MOVE {
                moved.iter_mut().for_each(|along| *along *= LONGEST_MOVE / length);
            }
            position[0] += moved[0];
            position[1] += moved[1];
        }
        if anchors.is_none() {
            centre(positions);
        }
    }
    Ok(())
}
