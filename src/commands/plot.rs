//! `revacnn plot`, `embed` and `compare`: one cell each, drawn or printed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use revacnn_notebook::kinds::{Chart, Compare, Confusion, Embedding, Filter, Filters, Loss, Network, Start};
use revacnn_notebook::{Cell, Inputs, Method, NotebookError, PictureFormat, Source, Sources, render};
use revacnn_schemas::{
    Address, BranchName, BranchRecord, Figure, FilterNumber, ImageIndex, LayerName, Panel, Position, Scale, Scatter,
    Step, TableFigure,
};

use super::{history, threads};
use crate::arguments::{CompareArguments, EmbedArguments, PlotArguments, PlotKind};
use crate::error::Failure;
use crate::output::warn;
use crate::text::{Side, table};

pub(crate) fn plot(arguments: &PlotArguments) -> Result<ExitCode, Failure> {
    refuse_what_is_not_used(arguments)?;
    check_ending(&arguments.output)?;
    let mut sources = Sources::open(&arguments.store.store, arguments.data.folder(), threads(None))?;
    let scale = if arguments.log { Scale::Logarithmic } else { Scale::Linear };
    let one = |at: &[Address]| match at {
        [address] => Ok(Some(address.clone())),
        _ => Err(Failure::Usage(format!("expected one address, found {}: plot them one by one", at.len()))),
    };
    let (at, x) = (arguments.at.clone(), arguments.x.unwrap_or_default());
    let cell: Cell = match arguments.kind {
        PlotKind::Loss => Loss { x, scale }.into(),
        PlotKind::Chart => Chart {
            quantity: arguments.quantity.clone().unwrap_or_default(),
            layer: arguments.layer.clone(),
            filter: arguments.filter.map(FilterNumber),
            x,
            scale,
        }
        .into(),
        PlotKind::Network => Network { at: one(&at)?, show: arguments.show.unwrap_or_default() }.into(),
        PlotKind::Filters => Filters {
            layer: layer(&mut sources, arguments)?,
            of: source(arguments.of, [Source::Weights, Source::Gradients])?,
            at,
        }
        .into(),
        PlotKind::Activations => Filters {
            layer: layer(&mut sources, arguments)?,
            of: source(arguments.of, [Source::Activations, Source::ActivationGradients])?,
            at,
        }
        .into(),
        PlotKind::Filter => Filter {
            layer: layer(&mut sources, arguments)?,
            filter: filter(&mut sources, arguments)?,
            born: None,
            at: one(&at)?,
        }
        .into(),
        PlotKind::Confusion => Confusion { at: one(&at)? }.into(),
    };
    let image = arguments.image.map(ImageIndex);
    must_see(&mut sources, &arguments.at, image)?;
    let branches = arguments.at.iter().map(|address| address.branch.clone()).collect();
    warn_of_gaps(&sources, &arguments.at)?;
    let inputs = Inputs { branches, cursor: Step(0), image };
    finish(&cell.figure(&mut sources, &inputs)?, Some(&arguments.output), false)
}

/// Refuses options that the kind has no use for, and says which kinds do.
fn refuse_what_is_not_used(arguments: &PlotArguments) -> Result<(), Failure> {
    use PlotKind::{Activations, Chart, Filter, Filters, Loss, Network};
    let options: [(&str, bool, &[PlotKind]); 8] = [
        ("--x", arguments.x.is_some(), &[Loss, Chart]),
        ("--log", arguments.log, &[Loss, Chart]),
        ("--quantity", arguments.quantity.is_some(), &[Chart]),
        ("--layer", arguments.layer.is_some(), &[Chart, Filters, Activations, Filter]),
        ("--filter", arguments.filter.is_some(), &[Chart, Filter]),
        ("--of", arguments.of.is_some(), &[Filters, Activations]),
        ("--show", arguments.show.is_some(), &[Network]),
        ("--image", arguments.image.is_some(), &[Network, Activations, Filter]),
    ];
    let kind = arguments.kind;
    let names = |kinds: &[PlotKind]| kinds.iter().map(PlotKind::to_string).collect::<Vec<_>>().join(", ");
    for (option, given, kinds) in options {
        if given && !kinds.contains(&kind) {
            return Err(Failure::Usage(format!("plot {kind} takes no {option}: that is for {}", names(kinds))));
        }
    }
    match arguments.at.iter().find(|address| address.position != Position::Last) {
        Some(address) if matches!(kind, Loss | Chart) => Err(Failure::Usage(format!(
            "plot {kind} shows all steps of a branch: write `{}` instead of `{address}`",
            address.branch
        ))),
        _ => Ok(()),
    }
}

/// The layer that was asked for; without one, an error that lists them.
fn layer(sources: &mut Sources, arguments: &PlotArguments) -> Result<LayerName, Failure> {
    match &arguments.layer {
        Some(layer) => Ok(layer.clone()),
        None => Err(expected_layer(&sources.store().branch(&arguments.at[0].branch)?)),
    }
}

fn expected_layer(record: &BranchRecord) -> Failure {
    let known: Vec<&str> = record.topology.layers_with_filters().map(|layer| layer.layer.as_str()).collect();
    Failure::Usage(format!("expected --layer with one of {}", known.join(", ")))
}

/// The filter that was asked for; without one, an error that lists them.
fn filter(sources: &mut Sources, arguments: &PlotArguments) -> Result<FilterNumber, Failure> {
    if let Some(filter) = arguments.filter {
        return Ok(FilterNumber(filter));
    }
    let record = sources.store().branch(&arguments.at[0].branch)?;
    let mut layers = record.topology.layers_with_filters();
    let Some(layer) = layers.find(|layer| Some(&layer.layer) == arguments.layer.as_ref()) else {
        return Err(expected_layer(&record));
    };
    let known: Vec<String> = layer.filters.iter().map(|filter| filter.number.to_string()).collect();
    Err(Failure::Usage(format!("expected --filter with one of {}", known.join(", "))))
}

fn source(asked: Option<Source>, possible: [Source; 2]) -> Result<Source, Failure> {
    match asked {
        None => Ok(possible[0]),
        Some(source) if possible.contains(&source) => Ok(source),
        Some(source) => Err(Failure::Usage(format!(
            "expected --of {} or {}, found {source}",
            possible[0],
            possible[1].to_string().replace(' ', "-")
        ))),
    }
}

pub(crate) fn embed(arguments: &EmbedArguments) -> Result<ExitCode, Failure> {
    if arguments.image.is_some() && !arguments.of.is_of_image() {
        return Err(Failure::Usage(format!(
            "the {} of filters are of no image: --image is for --of activations, activation-gradients",
            arguments.of
        )));
    }
    if arguments.perplexity.is_some() && arguments.method == Method::Pca {
        return Err(Failure::Usage("--method pca has no perplexity: that is for tsne".to_owned()));
    }
    arguments.output.as_deref().map(check_ending).transpose()?;
    let mut sources = Sources::open(&arguments.store.store, arguments.data.folder(), threads(None))?;
    let cell = Cell::from(Embedding {
        at: arguments.at.clone(),
        layer: arguments.layer.clone(),
        of: arguments.of,
        method: arguments.method,
        perplexity: arguments.perplexity,
        seed: arguments.seed,
        start: Start::Fresh,
    });
    let image = arguments.image.map(ImageIndex);
    must_see(&mut sources, &arguments.at, image)?;
    warn_of_gaps(&sources, &arguments.at)?;
    let inputs = Inputs { image, ..Inputs::default() };
    finish(&cell.figure(&mut sources, &inputs)?, arguments.output.as_deref(), arguments.json)
}

pub(crate) fn compare(arguments: &CompareArguments) -> Result<ExitCode, Failure> {
    arguments.output.as_deref().map(check_ending).transpose()?;
    let mut sources = Sources::open(&arguments.store.store, arguments.data.folder(), threads(None))?;
    let mut at = vec![arguments.left.clone(), arguments.right.clone()];
    if let Some(step) = &arguments.at {
        for address in &mut at {
            *address = format!("{}@{step}", address.branch).parse()?;
        }
    }
    warn_of_gaps(&sources, &at)?;
    let compare = Cell::from(Compare { at, matching: arguments.matching.how });
    let figure = compare.figure(&mut sources, &Inputs::default())?;
    finish(&figure, arguments.output.as_deref(), arguments.json)
}

/// Says what is missing from the history of the branches, once each.
fn warn_of_gaps(sources: &Sources, at: &[Address]) -> Result<(), Failure> {
    let names: BTreeSet<&BranchName> = at.iter().map(|address| &address.branch).collect();
    names.into_iter().try_for_each(|name| history(sources.store(), name).map(drop))
}

/// Refuses a file of another ending before anything is computed.
fn check_ending(path: &Path) -> Result<(), Failure> {
    PictureFormat::of(path).map(drop).ok_or_else(|| {
        let reason = "expected a file that ends in .svg or .png".to_owned();
        NotebookError::Draw { path: path.to_owned(), reason }.into()
    })
}

/// An image that was asked for is seen at every address, or the command is
/// refused: no figure shows less.
fn must_see(sources: &mut Sources, at: &[Address], image: Option<ImageIndex>) -> Result<(), Failure> {
    let Some(image) = image else { return Ok(()) };
    Ok(at.iter().try_for_each(|address| sources.must_see(address, image))?)
}

/// Draws a figure, writes it as JSON, or prints it where neither is asked for.
fn finish(figure: &Figure, output: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    if let Some(path) = output {
        let undrawn = render(figure, path)?;
        if !undrawn.is_empty() {
            let letters = undrawn.iter().map(|letter| format!("{letter} (U+{:04X})", u32::from(*letter)));
            let letters: Vec<String> = letters.collect();
            warn(&format!("no font of this machine has {}: boxes are drawn in their place", letters.join(", ")));
        }
    }
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::json!(figure))?;
    } else if let Some(path) = output {
        writeln!(out, "{}: {}", path.display(), figure.title())?;
        for note in figure.notes() {
            writeln!(out, "  {note}")?;
        }
    } else {
        write!(out, "{}", text(figure))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What of a figure can be said without a picture.
fn text(figure: &Figure) -> String {
    match figure {
        Figure::Table(rows) => format!("{}\n\n{}", rows.title, as_text(rows)),
        Figure::Scatter(scatter) => points(scatter),
        Figure::Comparison(comparison) => {
            let panels = comparison.panels.iter().filter_map(|panel| match panel {
                Panel::Joint(figure) if matches!(**figure, Figure::Table(_) | Figure::Scatter(_)) => Some(text(figure)),
                _ => None,
            });
            format!("{}\n\n{}", comparison.title, panels.collect::<Vec<_>>().join("\n"))
        }
        other => format!("{}\n", other.title()),
    }
}

fn as_text(rows: &TableFigure) -> String {
    let side = |numeric| if numeric { Side::Right } else { Side::Left };
    let heading: Vec<(&str, Side)> =
        rows.columns.iter().map(|column| (column.name.as_str(), side(column.numeric))).collect();
    let text = table(&heading, &rows.rows);
    let notes: String = rows.notes.iter().map(|note| format!("{note}\n")).collect();
    text.trim_start_matches('\n').to_owned() + &notes
}

fn points(scatter: &Scatter) -> String {
    let rows: Vec<Vec<String>> = scatter
        .points
        .iter()
        .map(|point| {
            let at = scatter.groups.get(point.group).map_or_else(String::new, |group| group.name.clone());
            let [x, y] = point.position.map(|value| format!("{value:.4}"));
            vec![at, format!("{}/{}", point.layer, point.filter.number), x, y]
        })
        .collect();
    let heading = [("address", Side::Left), ("filter", Side::Left), ("x", Side::Right), ("y", Side::Right)];
    format!("{}\n\n{}\n{}\n", scatter.title, table(&heading, &rows), scatter.notes.join("\n"))
}
