//! The network: image, a column a layer, probabilities.

use plotters::prelude::*;
use revacnn_schemas::NetworkDiagram;

use super::images::draw_image;
use super::paint::{FAINT, INK, QUIET, branch};
use super::{Area, Drawn, Pen, WIDTH};

/// Width of the image's column, of the classes', and height of the captions.
const INPUT: f64 = 84.0;
const CLASSES: f64 = 150.0;
const CAPTION: f64 = 46.0;
/// A node with what is between two.
const NODE: f64 = 28.0;

pub(super) fn height(diagram: &NetworkDiagram) -> u32 {
    let most = diagram.columns.iter().map(|column| column.nodes.len()).max().unwrap_or(0);
    36 + CAPTION as u32 + (NODE * most as f64).clamp(240.0, 2_000.0) as u32 + 36
}

pub(super) fn draw<B: DrawingBackend>(diagram: &NetworkDiagram, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (_, tall) = area.dim_in_pixel();
    let tall = f64::from(tall) / (f64::from(pen.px(100.0)) / 100.0) - CAPTION - 36.0;
    let step = (f64::from(WIDTH) - INPUT - CLASSES - 24.0) / diagram.columns.len().max(1) as f64;
    let middle = CAPTION + tall / 2.0;
    let pitch = |count: usize| NODE.min(tall / count.max(1) as f64);
    let centre = |column: usize, node: usize, count: usize| {
        let y = middle + pitch(count) * (node as f64 - (count as f64 - 1.0) / 2.0);
        (INPUT + 24.0 + step * (column as f64 + 0.5), y)
    };
    let at = |(x, y): (f64, f64)| (pen.px(x), pen.px(y));
    // Paths first, so that the nodes lie above them.
    for (place, column) in diagram.columns.iter().enumerate() {
        let count = column.nodes.len();
        let most = column.nodes.iter().filter_map(|node| node.activation_sum).fold(0.0_f32, f32::max);
        let from: Vec<(f64, f64)> = match place.checked_sub(1).map(|before| &diagram.columns[before]) {
            Some(before) => {
                let top = before.nodes.iter().enumerate().filter(|(_, node)| node.top_half);
                top.map(|(node, _)| centre(place - 1, node, before.nodes.len())).collect()
            }
            None => vec![(16.0 + 64.0, middle)],
        };
        for (node, drawn) in column.nodes.iter().enumerate().filter(|(_, node)| node.top_half) {
            let share = drawn.activation_sum.map_or(0.0, |sum| if most > 0.0 { (sum / most).max(0.0) } else { 0.0 });
            let width = pen.px(0.5 + 1.5 * f64::from(share)).max(1) as u32;
            for &start in &from {
                let end = centre(place, node, count);
                area.draw(&PathElement::new(vec![at(start), at(end)], FAINT.stroke_width(width)))?;
            }
        }
    }
    if let Some((index, image)) = &diagram.input {
        draw_image(image, area, pen, (16.0, middle - 32.0), (64.0, 64.0))?;
        let class = diagram.label.and_then(|label| diagram.classes.get(label)).map(|class| class.name.clone());
        pen.write(
            area,
            &format!("image {index}"),
            &pen.text(10.0).color(&QUIET),
            at((16.0, middle + 36.0)),
            pen.px(80.0),
        )?;
        pen.write(area, &class.unwrap_or_default(), &pen.text(10.0), at((16.0, middle + 50.0)), pen.px(80.0))?;
    }
    for (place, column) in diagram.columns.iter().enumerate() {
        let (left, count) = (INPUT + 24.0 + step * place as f64, column.nodes.len());
        pen.write(area, column.layer.as_str(), &pen.text(12.0), at((left + 4.0, 0.0)), pen.px(step - 8.0))?;
        let quiet = pen.text(10.0).color(&QUIET);
        pen.write(area, &column.description, &quiet, at((left + 4.0, 17.0)), pen.px(step - 6.0))?;
        let side = (pitch(count) - 4.0).max(3.0);
        for (node, drawn) in column.nodes.iter().enumerate() {
            let (x, y) = centre(place, node, count);
            let (left, top) = (x - side / 2.0, y - side / 2.0);
            if drawn.new {
                let frame = [at((left - 2.0, top - 2.0)), at((left + side + 2.0, top + side + 2.0))];
                area.draw(&Rectangle::new(frame, branch(diagram.hue).filled()))?;
            }
            area.draw(&Rectangle::new([at((left, top)), at((left + side, top + side))], WHITE.filled()))?;
            if let Some(image) = &drawn.image {
                draw_image(image, area, pen, (left, top), (side, side))?;
            }
            if side >= 12.0 {
                let number = drawn.filter.number.to_string();
                area.draw_text(&number, &pen.text(9.0).color(&QUIET), at((left + side + 4.0, y - 5.0)))?;
            }
        }
    }
    let left = f64::from(WIDTH) - CLASSES;
    let count = diagram.classes.len();
    let pitch = 20.0_f64.min(tall / count.max(1) as f64);
    for (place, class) in diagram.classes.iter().enumerate() {
        let y = middle + pitch * (place as f64 - count as f64 / 2.0);
        let own = diagram.label == Some(place);
        let (ink, bar) = if own { (INK, branch(diagram.hue)) } else { (QUIET, QUIET) };
        pen.write(area, &class.name, &pen.text(11.0).color(&ink), at((left, y)), pen.px(66.0))?;
        let share = f64::from(class.probability.clamp(0.0, 1.0));
        let length = 36.0 * share;
        let corners = [at((left + 70.0, y + 2.0)), at((left + 70.0 + length.max(0.5), y + 11.0))];
        area.draw(&Rectangle::new(corners, bar.filled()))?;
        let percent = format!("{:.0} %", 100.0 * share);
        area.draw_text(&percent, &pen.text(10.0).color(&ink), at((left + 110.0, y + 1.0)))?;
    }
    let note = "lines: paths to the half of a layer's filters with the largest activation sums, as wide as the sums";
    let y = CAPTION + tall + 8.0;
    if diagram.columns.iter().any(|column| column.nodes.iter().any(|node| node.top_half)) {
        area.draw_text(note, &pen.text(11.0).color(&QUIET), at((16.0, y)))?;
    }
    Ok(())
}
