//! Figures that are equal, or not, as they are drawn: their numbers are compared
//! and hashed by their bits, so that what is not a number equals itself and a
//! figure can be the key of what is made of it.

use std::hash::{Hash, Hasher};

/// Numbers, and what is made of them, compared and hashed by their bits.
pub(super) trait Bits {
    /// Whether all bits are the same.
    fn same(&self, other: &Self) -> bool;

    /// Feeds the bits to a hasher.
    fn feed<H: Hasher>(&self, state: &mut H);
}

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Bits for $float {
            fn same(&self, other: &Self) -> bool {
                self.to_bits() == other.to_bits()
            }

            fn feed<H: Hasher>(&self, state: &mut H) {
                self.to_bits().hash(state);
            }
        }
    )*};
}
floats!(f32, f64);

impl<T: Bits> Bits for [T] {
    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.same(other))
    }

    fn feed<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        self.iter().for_each(|value| value.feed(state));
    }
}

impl<T: Bits, const N: usize> Bits for [T; N] {
    fn same(&self, other: &Self) -> bool {
        self.as_slice().same(other)
    }

    fn feed<H: Hasher>(&self, state: &mut H) {
        self.as_slice().feed(state);
    }
}

impl<T: Bits> Bits for Vec<T> {
    fn same(&self, other: &Self) -> bool {
        self.as_slice().same(other)
    }

    fn feed<H: Hasher>(&self, state: &mut H) {
        self.as_slice().feed(state);
    }
}

impl<T: Bits> Bits for Option<T> {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.same(other),
            (None, None) => true,
            _ => false,
        }
    }

    fn feed<H: Hasher>(&self, state: &mut H) {
        self.as_slice().feed(state);
    }
}

/// Equality and hash of a struct: of the fields before the semicolon as they are,
/// of the numbers after it by their bits. A field that is not named is an error.
macro_rules! equal_by_bits {
    ($type:ident { $($field:ident),* ; $($number:ident),* }) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                let Self { $($field,)* $($number,)* } = self;
                $(*$field == other.$field &&)* $($crate::figure::bits::Bits::same($number, &other.$number) &&)* true
            }
        }

        impl Eq for $type {}

        impl std::hash::Hash for $type {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                let Self { $($field,)* $($number,)* } = self;
                $(std::hash::Hash::hash($field, state);)*
                $($crate::figure::bits::Bits::feed($number, state);)*
            }
        }
    };
}
pub(super) use equal_by_bits;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::{Axis, Chart, Figure, Hue, Limits, Scale, Series};

    fn chart(value: f64) -> Figure {
        let axis = Axis { label: "loss".to_owned(), unit: None, scale: Scale::Linear, limits: Limits::default() };
        let points = vec![[0.0, f64::NAN], [1.0, value]];
        let series = Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            is_mean: false,
            points,
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        };
        let (x, y) = (axis.clone(), axis);
        Figure::Chart(Chart { title: String::new(), x, y, series: vec![series], marks: Vec::new(), notes: Vec::new() })
    }

    #[test]
    fn a_figure_with_gaps_equals_itself_and_is_found_again_and_another_is_not() {
        assert_eq!(chart(0.5), chart(0.5));
        assert_ne!(chart(0.5), chart(f64::NAN));
        assert_ne!(chart(0.0), chart(-0.0), "they are written in two ways");
        let known = HashSet::from([chart(0.5), chart(f64::NAN)]);
        assert!(known.contains(&chart(0.5)) && known.contains(&chart(f64::NAN)) && !known.contains(&chart(0.25)));
    }
}
