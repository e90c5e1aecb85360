//! What `plot`, `embed`, `compare` and others have in common: one cell, drawn or
//! printed.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::ProgressBar;
use revacnn_notebook::command::{CommandError, Lookup, members_in};
use revacnn_notebook::{Cell, ChosenImage, Inputs, PictureFormat, Progress, Sources, render};
use revacnn_recorder::usual_threads;
use revacnn_schemas::{
    Address, BranchName, ClassPurity, EmbeddedImages, Figure, Panel, Place, Position, Scatter, TableFigure,
};
use revacnn_store::Store;
use revacnn_trainer::TrainerError;
use revacnn_trainer::data::OwnPicture;

use super::{bar_of, history, step_of};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};
use crate::output::{self, Live, warn};
use crate::text::{Side, printable, table};

/// A figure that is made sooner needs no bar.
const UNTOLD: Duration = Duration::from_millis(500);

/// Where a figure comes from, and where it goes to: into a file, or printed.
#[derive(Debug, Args)]
pub(super) struct FromTo {
    #[command(flatten)]
    store: StoreOption,
    /// The file to write: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOption,
}

impl FromTo {
    pub(super) fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    /// Whether it is printed: a terminal shows no pictures.
    pub(super) fn is_printed(&self) -> bool {
        self.output.is_none()
    }

    /// What the figure is made from; a file of another ending is refused before anything is looked at.
    pub(super) fn sources(&self) -> Result<Sources, Failure> {
        self.output.as_deref().map(check_ending).transpose()?;
        Ok(Sources::open(&self.store.store, self.data.folder(), usual_threads())?)
    }

    /// Makes the figure of a cell, and draws or prints it.
    pub(super) fn show(
        &self,
        sources: &mut Sources,
        cell: &Cell,
        inputs: &Inputs,
        json: bool,
    ) -> Result<ExitCode, Failure> {
        finish(&made(cell, sources, inputs, json)?, self.output.as_deref(), json)
    }
}

/// A cell's figure; one that takes long tells a terminal how far it is.
pub(super) fn made(cell: &Cell, sources: &mut Sources, inputs: &Inputs, json: bool) -> Result<Figure, Failure> {
    let mut bar = LateBar::new(json, "{wide_bar:.dim} {percent} %");
    Ok(cell.watched_figure(sources, inputs, &mut |progress| {
        bar.tell(progress);
        ControlFlow::Continue(())
    })?)
}

/// A bar for what takes long: there is none at first.
pub(super) struct LateBar {
    json: bool,
    template: &'static str,
    began: Instant,
    shown: Option<ProgressBar>,
}

impl LateBar {
    pub(super) fn new(json: bool, template: &'static str) -> Self {
        Self { json, template, began: Instant::now(), shown: None }
    }

    pub(super) fn tell(&mut self, Progress { done, of }: Progress) {
        if self.shown.is_none() && self.began.elapsed() < UNTOLD {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let bar = bar_of(of as u64, self.json, self.template);
            output::show_live(Live::Bar(bar.clone()));
            bar
        });
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    }
}

impl Drop for LateBar {
    fn drop(&mut self) {
        output::clear_live();
    }
}

/// Says what is missing from the history of the branches, and where nothing of them is validated, once each.
pub(super) fn warn_of_gaps(sources: &Sources, at: &[Address]) -> Result<(), Failure> {
    let names: BTreeSet<&BranchName> = at.iter().map(|address| &address.branch).collect();
    names.into_iter().try_for_each(|name| {
        let lineage = history(sources.store(), name)?;
        let is_best = |address: &Address| address.branch == *name && address.position == Position::Best;
        if at.iter().any(is_best) {
            step_of(&lineage, Position::Best)?;
        }
        Ok(())
    })
}

/// Looks branches up in a store.
pub(super) fn in_store<T>(
    store: &Store,
    find: impl FnOnce(Lookup<'_>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    find(Lookup {
        record: &|name| Ok(store.branch(name)?),
        members: &|family| Ok(members_in(store, family)?),
        picture: &|path| Ok(OwnPicture::read(path).map_err(TrainerError::from)?),
    })
}

/// Addresses of whole branches.
pub(super) fn whole(branches: &[BranchName]) -> Vec<Address> {
    branches.iter().map(|branch| Address { branch: branch.clone(), position: Position::Last }).collect()
}

/// Refuses a file of another ending before anything is computed.
pub(super) fn check_ending(path: &Path) -> Result<(), Failure> {
    PictureFormat::of(path).map(drop).ok_or_else(|| {
        let expected = format!("expected a file that ends in {}", PictureFormat::ENDINGS);
        Failure::Usage(format!("cannot draw {}: {expected}", path.display()))
    })
}

/// An image that was asked for is seen at every address, or the command is
/// refused: no figure shows less.
pub(super) fn must_see(sources: &mut Sources, at: &[Address], image: Option<&ChosenImage>) -> Result<(), Failure> {
    let Some(image) = image else { return Ok(()) };
    Ok(at.iter().try_for_each(|address| sources.must_see(address, image))?)
}

/// Draws a figure, writes it as JSON, or prints it where neither is asked for.
pub(super) fn finish(figure: &Figure, output: Option<&Path>, json: bool) -> Result<ExitCode, Failure> {
    if let Some(path) = output {
        let undrawn = render(figure, path)?;
        if !undrawn.is_empty() {
            let letters = undrawn.iter().map(|letter| format!("{letter} (U+{:04X})", u32::from(*letter)));
            let letters: Vec<String> = letters.collect();
            warn(&format!("no font of this machine has {}: boxes are drawn in their place", letters.join(", ")));
        }
    }
    let mut out = output::out();
    if json {
        writeln!(out, "{}", serde_json::json!(figure))?;
    } else if let Some(path) = output {
        writeln!(out, "{}: {}", printable(&path.display()), printable(&figure.title()))?;
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
        Figure::EmbeddedImages(figure) => purities(figure),
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

/// A table for people, with its notes.
pub(super) fn as_text(rows: &TableFigure) -> String {
    let side = |numeric| if numeric { Side::Right } else { Side::Left };
    let heading: Vec<(&str, Side)> =
        rows.columns.iter().map(|column| (column.name.as_str(), side(column.numeric))).collect();
    let text = table(&heading, &rows.rows);
    let notes: String = rows.notes.iter().map(|note| format!("{note}\n")).collect();
    text.trim_start_matches('\n').to_owned() + &notes
}

/// How far classes keep to themselves, a table a panel.
fn purities(figure: &EmbeddedImages) -> String {
    let name = |class: u32| figure.class_name(class);
    let heading = [
        ("class", Side::Left),
        ("images", Side::Right),
        ("right", Side::Right),
        ("purity", Side::Right),
        ("nearest other", Side::Left),
    ];
    let mut text = format!("{}\n", figure.title);
    for panel in &figure.panels {
        let row = |class: &ClassPurity| {
            let other =
                class.other.map_or_else(|| "–".to_owned(), |other| format!("{} {:.3}", name(other), class.of_other));
            vec![
                name(class.class),
                class.images.to_string(),
                class.right.map_or_else(|| "–".to_owned(), |right| right.to_string()),
                format!("{:.3}", class.purity),
                other,
            ]
        };
        let rows: Vec<Vec<String>> = panel.by_class.iter().map(row).collect();
        text += &format!("\n{}\n{}\n\n{}", panel.name, panel.notes.join("\n"), table(&heading, &rows));
    }
    let notes: String = figure.notes.iter().map(|note| format!("{note}\n")).collect();
    text + "\n" + &notes
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
