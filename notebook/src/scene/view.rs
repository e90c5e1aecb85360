//! How a plane of points is looked at: how close, and where.

use super::{Area, Place};

/// The closest that one can look.
const CLOSEST: f32 = 40.0;

/// How close one looks at a plane, and which part of it is seen. The plane fills its area
/// where nothing is larger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// How many times larger than all of it, from 1.
    zoom: f32,
    /// How far its middle lies from that of the area, as shares of the area's sides.
    shift: [f32; 2],
}

impl Default for View {
    /// All of it.
    fn default() -> Self {
        Self { zoom: 1.0, shift: [0.0; 2] }
    }
}

impl View {
    /// How many times larger than all of it.
    pub fn zoom(self) -> f32 {
        self.zoom
    }

    /// Whether all of the plane is seen.
    pub fn is_whole(self) -> bool {
        self == Self::default()
    }

    /// Where a place of the plane is seen.
    pub fn seen(self, place: Place, area: Area) -> Place {
        let (middle, size) = (area.middle(), [area.width, area.height]);
        std::array::from_fn(|axis| {
            middle[axis] + (place[axis] - middle[axis]) * self.zoom + self.shift[axis] * size[axis]
        })
    }

    /// So many times closer, with what is seen at a place staying there.
    #[must_use]
    pub fn closer(self, times: f32, about: Place, area: Area) -> Self {
        let zoom = (self.zoom * times).clamp(1.0, CLOSEST);
        let (middle, size) = (area.middle(), [area.width, area.height]);
        let shift = std::array::from_fn(|axis| {
            let from_middle = about[axis] - middle[axis];
            let of_plane = (from_middle - self.shift[axis] * size[axis]) / self.zoom;
            (from_middle - of_plane * zoom) / size[axis]
        });
        Self { zoom, shift }.within()
    }

    /// Moved by so many pixels.
    #[must_use]
    pub fn moved(self, by: [f32; 2], area: Area) -> Self {
        let size = [area.width, area.height];
        let shift = std::array::from_fn(|axis| self.shift[axis] + by[axis] / size[axis]);
        Self { shift, ..self }.within()
    }

    /// The plane's edges are never within the area: nobody loses it.
    fn within(self) -> Self {
        let most = (self.zoom - 1.0) / 2.0;
        Self { shift: self.shift.map(|shift| shift.clamp(-most, most)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Area = Area { x: 10.0, y: 20.0, width: 400.0, height: 200.0 };

    #[test]
    fn what_is_pointed_at_stays_where_it_is_and_the_plane_is_never_lost() {
        let place = |view: View, at| view.seen(at, AREA);
        let close = View::default().closer(4.0, [110.0, 70.0], AREA);
        let [x, y] = place(close, [110.0, 70.0]);
        assert!((x - 110.0).abs() < 1e-3 && (y - 70.0).abs() < 1e-3, "{x} {y}");
        assert_eq!(place(close, [111.0, 70.0])[0].round(), 114.0);
        let moved = close.moved([-8.0, 4.0], AREA);
        let [x, y] = place(moved, [110.0, 70.0]);
        assert!((x - 102.0).abs() < 1e-3 && (y - 74.0).abs() < 1e-3, "{x} {y}");
        // Far beyond its edge it stays in sight, and all of it is seen again.
        let corner = place(moved.moved([1e6, 1e6], AREA), [AREA.x, AREA.y]);
        assert!((corner[0] - AREA.x).abs() < 0.1 && (corner[1] - AREA.y).abs() < 0.1, "{corner:?}");
        assert!(moved.closer(1e-3, [300.0, 100.0], AREA).is_whole());
        assert_eq!(moved.closer(1e9, [300.0, 100.0], AREA).zoom(), CLOSEST);
    }
}
