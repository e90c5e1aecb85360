//! Branches as a tree shows them.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use revacnn_recorder::RecorderError;
use revacnn_schemas::{BranchId, BranchName, BranchRecord, Edit, Hue, OptimizerSpec, Schedule, Step, Table};
use revacnn_store::{BranchReader, Selection, StepSpan, Store, is_training};

use crate::{NotebookError, Sources};

/// Something that happened in a branch, such as `diverged`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchEvent {
    /// At which step.
    pub step: Step,
    /// What kind of event.
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// One branch.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchSummary {
    /// Its name; its id, where another branch has the same name.
    pub name: BranchName,
    /// Its id.
    pub id: BranchId,
    /// Its parent's name, if it has a parent.
    pub parent: Option<BranchName>,
    /// The step that it was forked at; 0 for a run of its own.
    pub fork_step: Step,
    /// What the fork changed, a text an edit.
    pub edits: Vec<String>,
    /// Its optimizer with every hyper-parameter; `None` where another program computes it.
    pub optimizer: Option<OptimizerSpec>,
    /// How its learning rate changes; `None` likewise.
    pub schedule: Option<Schedule>,
    /// Its own steps; `None` before the first.
    pub steps: Option<StepSpan>,
    /// Loss at its last step.
    pub last_loss: Option<f32>,
    /// Step and accuracy, 0 to 1, of its newest full validation.
    pub last_validation: Option<(Step, f32)>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its colour, by the order in which branches were made.
    pub hue: Hue,
    /// Its events.
    pub events: Vec<BranchEvent>,
    /// Whether a process trains it now.
    pub training: bool,
    /// What is wrong with it, if its steps cannot be read or some are missing.
    pub problem: Option<String>,
}

/// What is said of a branch from its own files alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Inside {
    steps: Option<StepSpan>,
    last_loss: Option<f32>,
    last_validation: Option<(Step, f32)>,
    bytes: u64,
    events: Vec<BranchEvent>,
    training: bool,
    problems: Vec<String>,
}

impl Inside {
    /// Looks at the branch's files.
    fn look(store: &Store, record: &BranchRecord) -> Self {
        let mut inside = Self { training: is_training(store, record).unwrap_or(false), ..Self::default() };
        if let Err(error) = inside.fill(store, record) {
            inside.problems = vec![error.to_string()];
        }
        inside
    }

    fn fill(&mut self, store: &Store, record: &BranchRecord) -> Result<(), RecorderError> {
        let seen = store.look(record)?;
        (self.steps, self.bytes) = (seen.reader.steps(), seen.bytes);
        let overview = seen.overview()?;
        self.last_loss = overview.last_loss;
        self.last_validation = overview.last_validation.map(|(step, result)| (step, result.accuracy()));
        let gaps = overview.gaps.iter().map(|gap| &gap.error);
        self.problems = gaps.chain(&overview.damaged_files).map(ToString::to_string).collect();
        if let Some(span) = self.steps {
            self.events = events(&overview.reader, span)?;
        }
        Ok(())
    }
}

impl Sources {
    /// Looks at the store again and lists its branches, oldest first. Of those at
    /// which nothing has changed, nothing is read.
    /// [`problems`](Self::problems) then has what is wrong with branches that
    /// have no readable description.
    ///
    /// # Errors
    /// Where the store's folder cannot be listed.
    pub fn refresh(&mut self) -> Result<Vec<BranchSummary>, NotebookError> {
        self.look_again()?;
        let Some(listed) = &self.listed else { return Ok(Vec::new()) };
        let mut before = std::mem::take(&mut self.insides);
        let mut insides = Vec::with_capacity(listed.records.len());
        for record in &listed.records {
            let glance = listed.glance(&record.id);
            let known = before.remove(&record.id).filter(|(known, _)| Some(*known) == glance);
            insides.push(match known {
                Some((_, inside)) => {
                    let training = inside.training && is_training(&self.store, record).unwrap_or(false);
                    Inside { training, ..inside }
                }
                None => Inside::look(&self.store, record),
            });
        }
        // Branches of one name are told apart by their ids, which are names, too.
        let name = |record: &BranchRecord| match record.id.as_str().parse() {
            Ok(id) if listed.is_ambiguous(&record.name) => id,
            _ => record.name.clone(),
        };
        let summaries = listed.records.iter().zip(&insides).map(|(record, inside)| {
            let parent = record.parent.as_ref().and_then(|parent| listed.place(&parent.branch));
            let short =
                parent.and_then(|place| self.store.gap_before(record, &listed.records[place], insides[place].steps));
            let problems: Vec<String> =
                inside.problems.iter().cloned().chain(short.map(|gap| gap.error.to_string())).collect();
            BranchSummary {
                name: name(record),
                id: record.id.clone(),
                parent: parent.map(|place| name(&listed.records[place])),
                fork_step: record.first_step(),
                edits: record.edits.iter().map(|edit| Edit { seed: None, ..edit.clone() }.to_string()).collect(),
                optimizer: record.definition().map(|definition| definition.optimizer.clone()),
                schedule: record
                    .definition()
                    .map(|definition| definition.schedule.map_or(Schedule::Constant, |schedule| schedule.curve)),
                steps: inside.steps,
                last_loss: inside.last_loss,
                last_validation: inside.last_validation,
                bytes: inside.bytes,
                hue: self.hue(&record.id),
                events: inside.events.clone(),
                training: inside.training,
                problem: (!problems.is_empty()).then(|| problems.join("\n")),
            }
        });
        let summaries = summaries.collect();
        let kept = listed.records.iter().zip(insides);
        self.insides = kept
            .filter_map(|(record, inside)| Some((record.id.clone(), (listed.glance(&record.id)?, inside))))
            .collect();
        Ok(summaries)
    }
}

/// The events of a branch within a span.
pub(crate) fn events(reader: &BranchReader, span: StepSpan) -> Result<Vec<BranchEvent>, RecorderError> {
    let batch = reader.read(Table::Events, span, &Selection::all())?;
    let steps = batch.column(0).as_primitive::<Int64Type>();
    let (kinds, messages) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
    let event = |row| BranchEvent {
        step: Step(steps.value(row) as u64),
        kind: kinds.value(row).to_owned(),
        message: messages.value(row).to_owned(),
    };
    Ok((0..batch.num_rows()).map(event).collect())
}
