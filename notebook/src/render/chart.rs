//! Curves with axes, bounds, marks and a legend.

use plotters::prelude::*;
use revacnn_schemas::{Axis, Chart, Hue, MarkKind, Scale, Series};

use super::paint::{FAINT, INK, branch};
use super::{Area, Drawn, Pen};
use crate::look::{axis_number, dash as dash_of, extent};

/// The height of a line of the legend, which has two columns.
const LEGEND_LINE: f64 = 18.0;
/// So many lines of the legend are within the height of any chart.
const USUAL_LINES: usize = 6;
/// The height of a branch's name at the end of its curve, and the most that it
/// takes of the width.
const NAME: (f64, f64) = (12.0, 120.0);

/// Height of a chart: many branches have a longer legend, and as high a plot.
pub(super) fn height(chart: &Chart) -> u32 {
    400 + LEGEND_LINE as u32 * lines(chart).saturating_sub(USUAL_LINES) as u32
}

fn lines(chart: &Chart) -> usize {
    chart.series.len().div_ceil(2)
}

pub(super) fn draw<B: DrawingBackend>(chart: &Chart, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let logarithmic = chart.y.scale == Scale::Logarithmic;
    let height = |y: f64| match logarithmic {
        true if y > 0.0 => y.log10(),
        true => f64::NAN,
        false => y,
    };
    let points = || chart.series.iter().flat_map(|series| &series.points).map(|[x, y]| (*x, height(*y)));
    // Single extremes would flatten the curves: the axis follows the points.
    let (Some(x), Some(y)) = (extent(points().map(|(x, _)| x)), extent(points().map(|(_, y)| y))) else {
        return pen.write(area, "nothing is recorded yet", &pen.text(12.0), (pen.px(16.0), pen.px(8.0)), i32::MAX);
    };
    let room = 0.05 * (y[1] - y[0]);
    let (low, high) = (if !logarithmic && y[0] >= 0.0 { (y[0] - room).max(0.0) } else { y[0] - room }, y[1] + room);
    let (names, plot) = area.split_vertically(pen.px(LEGEND_LINE * lines(chart) as f64));
    let ends = ends(chart);
    let name_style = pen.text(11.0);
    let widest =
        ends.iter().map(|(name, _)| plot.estimate_text_size(name, &name_style).map_or(0, |size| size.0 as i32));
    let room = widest.max().map_or(0, |widest| widest.min(pen.px(NAME.1)));
    let mut context = ChartBuilder::on(&plot)
        .margin_right(pen.px(20.0) + room)
        .margin_left(pen.px(8.0))
        .margin_top(pen.px(8.0))
        .margin_bottom(pen.px(8.0))
        .x_label_area_size(pen.px(40.0))
        .y_label_area_size(pen.px(56.0))
        .build_cartesian_2d(x[0]..x[1], low..high)?;
    context
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .x_labels(8)
        .y_labels(6)
        .label_style(pen.text(11.0))
        .axis_desc_style(pen.text(12.0))
        .x_desc(described(&chart.x))
        .y_desc(described(&chart.y))
        .x_label_formatter(&|x| axis_number(*x))
        .y_label_formatter(&|y| if logarithmic { axis_number(10_f64.powf(*y)) } else { axis_number(*y) })
        .draw()?;
    for series in &chart.series {
        let colour = branch(series.hue);
        let clamped = |y: f64| height(y).clamp(low, high);
        let band: Vec<(f64, [f64; 2])> =
            series.points.iter().zip(&series.bounds).map(|(point, bounds)| (point[0], *bounds)).collect();
        for run in band.split(|(_, [lowest, _])| clamped(*lowest).is_nan()).filter(|run| run.len() > 1) {
            let above = run.iter().map(|(x, [_, highest])| (*x, clamped(*highest)));
            let below = run.iter().rev().map(|(x, [lowest, _])| (*x, clamped(*lowest)));
            context.draw_series([Polygon::new(above.chain(below).collect::<Vec<_>>(), colour.mix(0.14))])?;
        }
        let line: Vec<(f64, f64)> = series.points.iter().map(|[x, y]| (*x, height(*y))).collect();
        for run in line.split(|(_, y)| !y.is_finite()).filter(|run| !run.is_empty()) {
            if series.dashed {
                context.draw_series(LineSeries::new(
                    run.iter().copied(),
                    colour.mix(0.6).stroke_width(pen.px(1.0) as u32),
                ))?;
                context.draw_series(run.iter().map(|point| Circle::new(*point, pen.px(2.5), colour.filled())))?;
            } else if run.len() == 1 {
                context.draw_series([Circle::new(run[0], pen.px(2.0), colour.filled())])?;
            } else {
                let (left, top) = plot.get_base_pixel();
                let at = |point: &(f64, f64)| context.backend_coord(point);
                let on_plot =
                    run.iter().map(at).map(|(x, y)| [f64::from(x - left), f64::from(y - top)]).collect::<Vec<_>>();
                let style = colour.stroke_width(pen.px(1.5) as u32);
                for piece in pieces(&on_plot, series.hue, pen) {
                    plot.draw(&PathElement::new(piece, style))?;
                }
            }
        }
    }
    let mut taken: Vec<[i32; 2]> = Vec::new();
    for (name, series) in &ends {
        let Some([x, y]) = series.points.iter().rev().find(|[_, y]| height(*y).is_finite()) else { continue };
        let (left, top) = plot.get_base_pixel();
        let (x, y) = context.backend_coord(&(*x, height(*y)));
        let high = pen.px(NAME.0);
        let bottom = plot.dim_in_pixel().1 as i32 - pen.px(48.0);
        let top = free(&taken, y - top - high / 2, high, [0, bottom - high]);
        // A name that finds no room stands in the legend alone.
        let Some(top) = top else { continue };
        taken.push([top, top + high]);
        pen.write(
            &plot,
            name,
            &name_style.color(&branch(series.hue)),
            (x - left + pen.px(5.0), top),
            room + pen.px(12.0),
        )?;
    }
    for (place, mark) in chart.marks.iter().filter(|mark| mark.x >= x[0] && mark.x <= x[1]).enumerate() {
        let colour = branch(mark.hue);
        let line = vec![(mark.x, low), (mark.x, high)];
        context.draw_series([PathElement::new(line, colour.mix(0.5).stroke_width(pen.px(1.0) as u32))])?;
        let (right, top) = context.backend_coord(&(mark.x, high));
        let (left, over) = plot.get_base_pixel();
        let text = if mark.kind == MarkKind::Fork { format!("fork {}", mark.text) } else { mark.text.clone() };
        let at = (right - left + pen.px(3.0), top - over + pen.px(2.0 + 13.0 * (place % 4) as f64));
        let style = pen.text(11.0).color(&colour);
        // Of a mark at the right end, the text is at its left.
        let wide = pen.wide(&plot, &text, &style);
        let over = at.0 + wide + pen.px(28.0) > plot.dim_in_pixel().0 as i32;
        let at = if over { (at.0 - wide - pen.px(14.0), at.1) } else { at };
        plot.draw_text(&text, &style, at)?;
    }
    let column = (names.dim_in_pixel().0 as i32 - pen.px(72.0)) / 2;
    for (place, series) in chart.series.iter().enumerate() {
        let (left, top) = (pen.px(64.0) + column * (place % 2) as i32, pen.px(18.0 * (place / 2) as f64));
        let colour = branch(series.hue);
        let middle = top + pen.px(7.0);
        let [from, to] = [left, left + pen.px(20.0)].map(|x| [f64::from(x), f64::from(middle)]);
        if series.dashed {
            let line = vec![(from[0] as i32, middle), (to[0] as i32, middle)];
            names.draw(&PathElement::new(line, colour.mix(0.6).stroke_width(pen.px(1.0) as u32)))?;
            names.draw(&Circle::new((left + pen.px(10.0), middle), pen.px(2.5), colour.filled()))?;
        } else {
            for piece in pieces(&[from, to], series.hue, pen) {
                names.draw(&PathElement::new(piece, colour.stroke_width(pen.px(2.0) as u32)))?;
            }
        }
        pen.write(&names, &series.name, &pen.text(12.0), (left + pen.px(26.0), top), column - pen.px(34.0))?;
    }
    Ok(())
}

/// What is named at its end: the training's curve of each branch, where there
/// are several.
fn ends(chart: &Chart) -> Vec<(&str, &Series)> {
    let curves: Vec<&Series> = chart.series.iter().filter(|series| !series.dashed).collect();
    if curves.iter().all(|series| series.hue == curves[0].hue) {
        return Vec::new();
    }
    // A series begins with its branch's name, which has no blanks.
    curves.into_iter().map(|series| (series.name.split(' ').next().unwrap_or(&series.name), series)).collect()
}

/// The nearest place within two ends, for something of a height, that nothing
/// has taken.
fn free(taken: &[[i32; 2]], wanted: i32, high: i32, [first, last]: [i32; 2]) -> Option<i32> {
    let is_free = |top: &i32| taken.iter().all(|[from, to]| *top >= *to || *top + high <= *from);
    let around = (0..=2 * high).flat_map(|away| [wanted - away, wanted + away]);
    around.map(|top| top.clamp(first, last.max(first))).find(is_free)
}

/// A line cut into the strokes of a branch's dashes.
fn pieces(line: &[[f64; 2]], hue: Hue, pen: Pen) -> Vec<Vec<(i32, i32)>> {
    let whole = |[x, y]: [f64; 2]| (x.round() as i32, y.round() as i32);
    let dash: Vec<f64> = dash_of(hue).iter().map(|length| f64::from(pen.px(f64::from(*length)))).collect();
    let (Some(&first), false) = (line.first(), dash.is_empty()) else {
        return vec![line.iter().copied().map(whole).collect()];
    };
    let mut pieces = vec![vec![whole(first)]];
    let (mut place, mut left) = (0, dash[0]);
    for ends in line.windows(2) {
        let [from, to] = [ends[0], ends[1]];
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let mut gone = 0.0;
        while length - gone > left {
            gone += left;
            let at = std::array::from_fn(|axis| from[axis] + (to[axis] - from[axis]) * gone / length);
            match pieces.last_mut() {
                Some(piece) if place % 2 == 0 => piece.push(whole(at)),
                _ => pieces.push(vec![whole(at)]),
            }
            place = (place + 1) % dash.len();
            left = dash[place];
        }
        left -= length - gone;
        if let Some(piece) = pieces.last_mut().filter(|_| place % 2 == 0) {
            piece.push(whole(to));
        }
    }
    pieces
}

fn described(axis: &Axis) -> String {
    match &axis.unit {
        Some(unit) if !axis.label.contains(unit.as_str()) => format!("{} ({unit})", axis.label),
        _ => axis.label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_on_around_corners_and_whole_lines_stay_whole() {
        let (pen, line) = (Pen { scale: 1 }, [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]);
        assert_eq!(pieces(&line, Hue(3), pen), [vec![(0, 0), (10, 0), (10, 10)]]);
        // Strokes of 8, gaps of 4.
        assert_eq!(pieces(&line, Hue(8), pen), [vec![(0, 0), (8, 0)], vec![(10, 2), (10, 10)]]);
        assert_eq!(pieces(&line, Hue(16), pen).len(), 4, "strokes of 2, gaps of 3");
    }

    #[test]
    fn names_lie_beside_one_another_and_what_has_no_room_is_left_out() {
        let (mut taken, high) = (Vec::new(), 12);
        let places: Vec<Option<i32>> = (0..6)
            .map(|_| {
                let top = free(&taken, 20, high, [0, 60]);
                taken.extend(top.map(|top| [top, top + high]));
                top
            })
            .collect();
        assert_eq!(places, [Some(20), Some(8), Some(32), Some(44), None, None]);
    }
}
