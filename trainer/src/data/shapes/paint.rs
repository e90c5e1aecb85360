//! Colours, textures and noise.

use std::f32::consts::TAU;

use super::super::stream::Stream;

/// Red, green, blue in 0..=1.
pub(super) type Colour = [f32; 3];

/// How far apart fore- and background are at least, of a largest √3.
const LEAST_CONTRAST: f32 = 0.55;

/// How much lighter the foreground is than the background at least, on average over
/// red, green and blue.
const LEAST_LIGHTER: f32 = 0.2;

/// How far apart a texture's two colours are at most, relative to the contrast.
const TEXTURE_CONTRAST: f32 = 0.4;

/// A number in `from..to`.
pub(super) fn between(stream: &mut Stream, from: f32, to: f32) -> f32 {
    from + (to - from) * stream.uniform_f32()
}

/// Two textured paints that can be told apart: a lighter foreground on a darker
/// background, both of any hue.
///
/// That the foreground is always the lighter one tells nothing of the class; with
/// either polarity a small network needs several times as many steps to begin to learn.
pub(super) fn draw_pair(stream: &mut Stream) -> (Paint, Paint) {
    loop {
        let (front, back) = (draw_colour(stream), draw_colour(stream));
        let contrast = distance(front, back);
        if contrast >= LEAST_CONTRAST && brightness(front) >= brightness(back) + LEAST_LIGHTER {
            let front = Paint::draw(stream, front, contrast);
            let back = Paint::draw(stream, back, contrast);
            return (front, back);
        }
    }
}

fn draw_colour(stream: &mut Stream) -> Colour {
    [0; 3].map(|_| stream.uniform_f32())
}

fn brightness(colour: Colour) -> f32 {
    (colour[0] + colour[1] + colour[2]) / 3.0
}

fn distance(a: Colour, b: Colour) -> f32 {
    let squares = [0, 1, 2].map(|c| (a[c] - b[c]) * (a[c] - b[c]));
    (squares[0] + squares[1] + squares[2]).sqrt()
}

/// A colour that varies over the image between two.
pub(super) struct Paint {
    first: Colour,
    second: Colour,
    texture: Texture,
    /// The texture's direction, as a unit vector.
    direction: (f32, f32),
    /// Of a wave, in pixels.
    period: f32,
    /// Of a wave, in periods.
    phase: f32,
}

#[derive(Debug, Clone, Copy)]
enum Texture {
    Plain,
    Stripes,
    Checks,
    Gradient,
}

impl Paint {
    fn draw(stream: &mut Stream, colour: Colour, contrast: f32) -> Self {
        let texture = match stream.below(4) {
            0 => Texture::Plain,
            1 => Texture::Stripes,
            2 => Texture::Checks,
            _ => Texture::Gradient,
        };
        let angle = between(stream, 0.0, TAU);
        let towards = draw_colour(stream);
        let reach = between(stream, 0.3, 1.0) * TEXTURE_CONTRAST * contrast;
        // Half to each side of the colour drawn, so that its mean stays.
        let part = 0.5 * reach / distance(colour, towards).max(reach);
        let offset = [0, 1, 2].map(|c| (towards[c] - colour[c]) * part);
        Self {
            first: [0, 1, 2].map(|c| colour[c] - offset[c]),
            second: [0, 1, 2].map(|c| colour[c] + offset[c]),
            texture,
            direction: (libm::cosf(angle), libm::sinf(angle)),
            period: between(stream, 3.5, 9.0),
            phase: stream.uniform_f32(),
        }
    }

    /// The colour at a pixel, counted from the image's middle.
    pub(super) fn at(&self, x: f32, y: f32) -> Colour {
        let (cos, sin) = self.direction;
        let (along, across) = (x * cos + y * sin, y * cos - x * sin);
        let mix = match self.texture {
            Texture::Plain => 0.5,
            Texture::Stripes => wave(along / self.period + self.phase),
            Texture::Checks => {
                let one = wave(along / self.period + self.phase) - 0.5;
                let other = wave(across / self.period) - 0.5;
                0.5 + 2.0 * one * other
            }
            Texture::Gradient => (along / 36.0 + 0.5).clamp(0.0, 1.0),
        };
        blend(self.first, self.second, mix)
    }
}

/// A wave of period one between 0 and 1, with flat tops and soft edges.
fn wave(place: f32) -> f32 {
    let triangle = ((place - place.floor()) * 2.0 - 1.0).abs();
    ((triangle - 0.5) * 2.5 + 0.5).clamp(0.0, 1.0)
}

/// From the first colour at 0 to the second at 1.
pub(super) fn blend(first: Colour, second: Colour, part: f32) -> Colour {
    [0, 1, 2].map(|c| first[c] + (second[c] - first[c]) * part)
}

/// A draw of mean 0 and standard deviation 1, nearly normal: four random bytes
/// added. One word instead of the four of a Box–Muller draw, for 21 million pixels.
pub(super) fn rough_normal(stream: &mut Stream) -> f32 {
    let sum: u16 = stream.next_u32().to_le_bytes().map(u16::from).iter().sum();
    (f32::from(sum) - 510.0) * (1.0 / 147.8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_stay_apart() {
        for key in 0..500 {
            let mut stream = Stream::new("paint", &[key]);
            let (front, back) = draw_pair(&mut stream);
            let middle = |paint: &Paint| blend(paint.first, paint.second, 0.5);
            let contrast = distance(middle(&front), middle(&back));
            assert!(contrast > LEAST_CONTRAST - 1e-3, "{contrast}");
            for paint in [front, back] {
                assert!(distance(paint.first, paint.second) <= contrast * 0.46);
            }
        }
    }

    #[test]
    fn noise_has_its_moments() {
        let mut stream = Stream::new("noise", &[1]);
        let noise: Vec<f32> = (0..50_000).map(|_| rough_normal(&mut stream)).collect();
        let mean = noise.iter().sum::<f32>() / 50_000.0;
        let variance = noise.iter().map(|v| v * v).sum::<f32>() / 50_000.0;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn waves_have_period_one() {
        for place in [-1.75, -0.25, 0.1, 0.6] {
            assert!((wave(place) - wave(place + 1.0)).abs() < 1e-5);
        }
        assert_eq!((wave(0.0), wave(0.5)), (1.0, 0.0));
    }
}
