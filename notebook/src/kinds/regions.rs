//! How a network's classes share out what lies between images.

use revacnn_analysis::{RegionLine, decision_regions};
use revacnn_schemas::{Address, Figure, ImageIndex, Prediction, TableColumn, TableFigure, count, counted};
use revacnn_trainer::data::Stream;
use serde::{Deserialize, Serialize};

use super::curve::require_classes_of;
use super::pictured::class_name;
use super::predictions::{TOP, no_numbers};
use crate::sources::Place;
use crate::{CellKind, Context, ImageSplit, NotebookError};

/// So many steps are compared at most.
pub(crate) const MOST_STEPS: usize = 4;

/// Decision regions as numbers: along straight lines between images of a split, which classes a network
/// predicts. The lines are the same for all steps and branches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regions {
    /// Where; the shown branches at the cursor where there is none.
    #[serde(default)]
    pub at: Vec<Address>,
    /// The images.
    #[serde(default)]
    pub of: ImageSplit,
    /// So many lines between images of each class, and as many between classes as there are within all.
    pub lines: u32,
    /// Points along each.
    pub points: u32,
    /// Of the choice of images.
    #[serde(default)]
    pub seed: u64,
}

/// What is told of one step.
struct Told {
    label: String,
    found: revacnn_analysis::Regions,
}

impl CellKind for Regions {
    const KIND: &'static str = "regions";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let places = context.places(&self.at, MOST_STEPS)?;
        if places.is_empty() {
            return Err(NotebookError::TooFewBranches { needed: 1, found: 0 });
        }
        let split = self.of.split();
        let (mut notes, mut all, mut names) = (Vec::new(), Vec::new(), Vec::<String>::new());
        let content = |place: &Place| place.dataset().map(|dataset| dataset.digest);
        if let Some(other) = places.iter().find(|place| content(place) != content(&places[0])) {
            return Err(NotebookError::Unknown {
                what: format!("{} is of other data than {}", other.label(), places[0].label()),
                known: "decision regions are compared along the same lines between the same images".to_owned(),
            });
        }
        for place in &places {
            require_classes_of(&place.holder, "decision region", "predictions shows what it gives back")?;
            let (dataset, predictions) = context.predictions(place, split, TOP)?;
            notes.extend(no_numbers(place, &predictions));
            names = dataset.class_names().to_vec();
            // By the data set's own classes, whatever an edit made of them.
            let part = dataset.part(split);
            let label = |prediction: &Prediction| Ok(u32::from(part.label(prediction.image)?));
            let labels = predictions.iter().map(label).collect::<Result<Vec<u32>, NotebookError>>()?;
            let chosen = self.chosen(&labels, names.len());
            let lines: Vec<[ImageIndex; 2]> =
                chosen.iter().map(|ends| ends.map(|end| predictions[end].image)).collect();
            let along = context.classes_between(place, split, &lines, self.points as usize)?;
            // A network that has diverged says nothing.
            let of = |(ends, along): ([usize; 2], Vec<u32>)| {
                let predicted = [predictions[ends[0]].predicted()?, predictions[ends[1]].predicted()?];
                Some(RegionLine { ends: ends.map(|end| labels[end]), predicted, along })
            };
            let lines: Vec<RegionLine> = chosen.into_iter().zip(along).filter_map(of).collect();
            all.push(Told { label: place.label(), found: decision_regions(&lines, names.len())? });
        }
        if self.at.len() > MOST_STEPS {
            notes.push(format!("{MOST_STEPS} of {} steps are shown", self.at.len()));
        }
        notes.push(format!(
            "{} along each of {} between {} of each class that has several, and as many between classes",
            counted(self.points.into(), "point"),
            counted(self.lines.into(), "straight line"),
            self.of.words()
        ));
        notes.push(
            "right: lines between two images of the class that are both predicted right; stay: of these those on which \
             nothing else is predicted; space: the share of the points between classes at which it is predicted"
                .to_owned(),
        );
        Ok(Figure::Table(table(&all, &names, self.of, notes)))
    }
}

impl Regions {
    /// The ends of the lines, as places among the images: by their own classes alone, so that they are the
    /// same for every network.
    fn chosen(&self, labels: &[u32], classes: usize) -> Vec<[usize; 2]> {
        let mut of_class = vec![Vec::new(); classes];
        for (place, label) in labels.iter().enumerate() {
            if let Some(own) = of_class.get_mut(*label as usize) {
                own.push(place);
            }
        }
        let mut lines = Vec::new();
        for (class, own) in of_class.iter().enumerate().filter(|(_, own)| own.len() > 1) {
            let mut stream = Stream::new("regions within", &[self.seed, class as u64]);
            for _ in 0..self.lines {
                let first = stream.below(own.len() as u64) as usize;
                let other = stream.below(own.len() as u64 - 1) as usize;
                lines.push([own[first], own[other + usize::from(other >= first)]]);
            }
        }
        let filled: Vec<&Vec<usize>> = of_class.iter().filter(|own| !own.is_empty()).collect();
        let between = if filled.len() > 1 { self.lines as usize * filled.len() } else { 0 };
        let mut stream = Stream::new("regions between", &[self.seed]);
        for _ in 0..between {
            let first = stream.below(filled.len() as u64) as usize;
            let other = stream.below(filled.len() as u64 - 1) as usize;
            let ends = [filled[first], filled[other + usize::from(other >= first)]];
            lines.push(ends.map(|own| own[stream.below(own.len() as u64) as usize]));
        }
        lines
    }
}

fn table(all: &[Told], names: &[String], of: ImageSplit, notes: Vec<String>) -> TableFigure {
    let percent = |share: f64| if share.is_finite() { format!("{:.1} %", 100.0 * share) } else { "–".to_owned() };
    let stay = |lines: usize, staying: usize| percent(staying as f64 / lines as f64);
    let several = all.len() > 1;
    let heading = |told: &Told, name: &str| if several { format!("{} {name}", told.label) } else { name.to_owned() };
    let mut columns = vec![TableColumn { name: "class".to_owned(), numeric: false }];
    for told in all {
        let of_step = ["right", "stay", "space"].map(|name| TableColumn { name: heading(told, name), numeric: true });
        columns.extend(of_step);
    }
    let mut rows: Vec<Vec<String>> = (0..names.len())
        .map(|class| {
            let of_step = all.iter().flat_map(|told| {
                let region = &told.found.classes[class];
                [count(region.lines as u64), stay(region.lines, region.staying), percent(region.space)]
            });
            std::iter::once(class_name(names, class as u32)).chain(of_step).collect()
        })
        .collect();
    let sums = all.iter().flat_map(|told| {
        let of = |number: fn(&revacnn_analysis::ClassRegion) -> usize| told.found.classes.iter().map(number).sum();
        let (lines, staying): (usize, usize) = (of(|region| region.lines), of(|region| region.staying));
        [count(lines as u64), stay(lines, staying), String::new()]
    });
    rows.push(std::iter::once("all".to_owned()).chain(sums).collect());
    let said = all.iter().map(|told| {
        let revacnn_analysis::Regions { passed, left_at, .. } = &told.found;
        match passed.is_finite() {
            true => format!(
                "{}: on the way from one class to another {passed:.2} others are passed, and the first is left after \
                 {:.0} % of it",
                told.label,
                100.0 * left_at
            ),
            false => format!("{}: no line leads from images of one class to those of another", told.label),
        }
    });
    TableFigure {
        title: format!(
            "decision regions of {} between {}",
            all.iter().map(|told| told.label.as_str()).collect::<Vec<_>>().join(", "),
            of.words()
        ),
        columns,
        rows,
        notes: said.chain(notes).collect(),
        ..TableFigure::default()
    }
}
