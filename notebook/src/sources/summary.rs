//! Branches as a tree shows them.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use revacnn_recorder::RecorderError;
use revacnn_schemas::{BranchId, BranchName, BranchRecord, Edit, Hue, Step, Table};
use revacnn_store::{BranchReader, Selection, StepSpan, branch_bytes, is_training};

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

impl Sources {
    /// Looks at the store again and lists its branches, oldest first.
    /// [`problems`](Self::problems) then has what is wrong with branches that
    /// have no readable description.
    ///
    /// # Errors
    /// Where the store's folder cannot be listed.
    pub fn refresh(&mut self) -> Result<Vec<BranchSummary>, NotebookError> {
        self.look_again()?;
        let Some(listed) = &self.listed else { return Ok(Vec::new()) };
        // Branches of one name are told apart by their ids, which are names, too.
        let name = |record: &BranchRecord| match record.id.as_str().parse() {
            Ok(id) if listed.is_ambiguous(&record.name) => id,
            _ => record.name.clone(),
        };
        let summaries = listed.records.iter().map(|record| {
            let parent = record
                .parent
                .as_ref()
                .and_then(|parent| listed.records.iter().find(|other| other.id == parent.branch).map(name));
            let mut summary = BranchSummary {
                name: name(record),
                id: record.id.clone(),
                parent,
                fork_step: record.first_step(),
                edits: record.edits.iter().map(|edit| Edit { seed: None, ..edit.clone() }.to_string()).collect(),
                steps: None,
                last_loss: None,
                last_validation: None,
                bytes: branch_bytes(self.store.root(), &record.id),
                hue: self.hue(&record.id),
                events: Vec::new(),
                training: is_training(&self.store, record).unwrap_or(false),
                problem: None,
            };
            let parent = record.parent.as_ref();
            let parent = parent.and_then(|parent| listed.records.iter().find(|other| other.id == parent.branch));
            summary.problem = match self.look_inside(record, parent, &mut summary) {
                Ok(problem) => problem,
                Err(error) => Some(error.to_string()),
            };
            summary
        });
        Ok(summaries.collect())
    }

    /// Fills in what the branch's files say; returns what of its steps is
    /// missing or cut off, if any is.
    fn look_inside(
        &self,
        record: &BranchRecord,
        parent: Option<&BranchRecord>,
        summary: &mut BranchSummary,
    ) -> Result<Option<String>, RecorderError> {
        let reader = BranchReader::of(&self.store, record.clone())?;
        summary.steps = reader.steps();
        if let Some(span) = summary.steps {
            summary.last_loss = reader.step_row(span.last)?.loss;
            summary.last_validation = reader.last_validation()?.map(|(step, result)| (step, result.accuracy()));
            summary.events = events(&reader, span)?;
        }
        let before = parent.map(|parent| BranchReader::of(&self.store, parent.clone())).transpose()?;
        let gap = before.and_then(|parent| reader.gap_before(&parent)).map(|gap| gap.error);
        let problems: Vec<String> = reader.damage()?.into_iter().chain(gap).map(|error| error.to_string()).collect();
        Ok((!problems.is_empty()).then(|| problems.join("\n")))
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
