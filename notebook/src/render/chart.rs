//! Curves with axes, bounds, marks and a legend.

use plotters::prelude::*;
use revacnn_schemas::{Axis, Chart, MarkKind, Scale};

use super::colours::{FAINT, INK, branch};
use super::{Area, Drawn, Pen};

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
    let legend = 18.0 * chart.series.len().div_ceil(2) as f64;
    let (names, plot) = area.split_vertically(pen.px(legend));
    let mut context = ChartBuilder::on(&plot)
        .margin_right(pen.px(20.0))
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
        .x_label_formatter(&|x| number(*x))
        .y_label_formatter(&|y| if logarithmic { number(10_f64.powf(*y)) } else { number(*y) })
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
            let style = colour.stroke_width(pen.px(1.5) as u32);
            if series.dashed {
                let (size, gap) = (pen.px(5.0), pen.px(4.0));
                context.draw_series(DashedLineSeries::new(run.iter().copied(), size, gap, style))?;
                context.draw_series(run.iter().map(|point| Circle::new(*point, pen.px(2.5), colour.filled())))?;
            } else if run.len() == 1 {
                context.draw_series([Circle::new(run[0], pen.px(2.0), colour.filled())])?;
            } else {
                context.draw_series(LineSeries::new(run.iter().copied(), style))?;
            }
        }
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
        let colour = branch(series.hue).stroke_width(pen.px(2.0) as u32);
        let middle = top + pen.px(7.0);
        let dashes: &[(f64, f64)] = if series.dashed { &[(0.0, 8.0), (12.0, 20.0)] } else { &[(0.0, 20.0)] };
        for &(from, to) in dashes {
            names.draw(&PathElement::new(vec![(left + pen.px(from), middle), (left + pen.px(to), middle)], colour))?;
        }
        pen.write(&names, &series.name, &pen.text(12.0), (left + pen.px(26.0), top), column - pen.px(34.0))?;
    }
    Ok(())
}

fn described(axis: &Axis) -> String {
    match &axis.unit {
        Some(unit) if !axis.label.contains(unit.as_str()) => format!("{} ({unit})", axis.label),
        _ => axis.label.clone(),
    }
}

/// The smallest and the largest value, apart by something.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    let [low, high] = finite.fold(None, |all: Option<[f64; 2]>, value| {
        let [low, high] = all.unwrap_or([value; 2]);
        Some([low.min(value), high.max(value)])
    })?;
    Some(if low < high { [low, high] } else { [low - 0.5, high + 0.5] })
}

/// A number as an axis shows it.
pub(super) fn number(value: f64) -> String {
    let text = match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{} M", trimmed(value / 1e6, 2)),
        size if size >= 1e4 => format!("{} k", trimmed(value / 1e3, 1)),
        size if size >= 1e-3 => trimmed(value, 4),
        _ => format!("{value:.1e}"),
    };
    text.replace('-', "−")
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
