//! The writer's side of the log: steps become parts, parts become segments.
//!
//! Whatever the moment of a kill, a step is in exactly one committed place:
//! a part of the tail, until the rename of a segment's `steps` file, and that
//! segment from then on.

use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchRecord, Fidelity, Step, Table};

use crate::StoreError;
use crate::disk::paths::{BranchPaths, StepSpan, span_name, table_file};
use crate::disk::system::folder_bytes;
use crate::disk::{Disk, beneath};
use crate::read::footer::Expected;
use crate::read::listing::list_if_there;
use crate::read::strays::Strays;
use crate::shape::{BranchShape, SPARSE_TABLES, must_have_samples};
use crate::thinning::{Thinned, tensor_bytes};
use crate::write::batches;
use crate::write::file::{Complete, FileKind, TableFile};
use crate::write::part::{ClosedPart, OpenPart, PartWriter};
use crate::write::record::{Records, StepRecord};
use crate::write::recovery::Recovered;
use crate::write::side_by_side::Haste;
use crate::write::splice::splice;
use crate::write::statistics::FilterStatistics;

/// The state of a branch's writer, on its own thread.
pub(crate) struct LogWriter {
    record: BranchRecord,
    shape: BranchShape,
    disk: Disk,
    paths: BranchPaths,
    parts: PartWriter,
    segment_steps: u64,
    disk_budget: Option<u64>,
    sealed: Vec<StepSpan>,
    tail: Vec<StepSpan>,
    thinned: Vec<StepSpan>,
    open: Option<OpenPart>,
    /// Weights of the newest step, for the next one's update ratio.
    previous_weights: Option<Vec<f32>>,
    /// Records that can be used again.
    pub(crate) done: Records,
}

impl LogWriter {
    pub(crate) fn new(
        record: &BranchRecord,
        shape: &BranchShape,
        disk: &Disk,
        paths: &BranchPaths,
        recovered: Recovered,
        segment_steps: u64,
        disk_budget: Option<u64>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            record: record.clone(),
            shape: shape.clone(),
            disk: disk.clone(),
            paths: paths.clone(),
            parts: PartWriter::new(record, shape, disk, paths)?,
            segment_steps: segment_steps.max(1),
            disk_budget,
            sealed: recovered.sealed,
            tail: recovered.tail,
            thinned: recovered.thinned,
            open: None,
            previous_weights: None,
            done: Vec::new(),
        })
    }

    pub(crate) fn set_previous_weights(&mut self, weights: Vec<f32>) {
        self.previous_weights = Some(weights);
    }

    /// Whether steps wait for a commit.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The newest committed step.
    pub(crate) fn committed(&self) -> Option<Step> {
        self.tail.last().or(self.sealed.last()).map(|span| span.last)
    }

    fn ends_segment(&self, step: Step) -> bool {
        (step.0 + 1).is_multiple_of(self.segment_steps)
    }

    /// Adds a step; at a segment's last one, the segment is sealed.
    pub(crate) fn push(&mut self, step: Box<StepRecord>, haste: Haste) -> Result<(), StoreError> {
        let number = step.scalars.step;
        let previous = self.previous_weights.as_deref();
        let statistics = FilterStatistics::of(&self.shape, &step, previous);
        let weights = self.previous_weights.get_or_insert_default();
        weights.clear();
        weights.extend_from_slice(&step.weights);
        let part = match &mut self.open {
            Some(part) => part,
            none => none.insert(self.parts.open(number)?),
        };
        self.parts.push(part, step, statistics, haste, &mut self.done)?;
        if self.ends_segment(number) {
            self.commit(haste)?;
        }
        Ok(())
    }

    /// Commits the open part: as a segment if it is a whole one, else to the
    /// tail.
    pub(crate) fn commit(&mut self, haste: Haste) -> Result<(), StoreError> {
        let Some(part) = self.open.take() else {
            return Ok(());
        };
        let ends = self.ends_segment(part.span.last);
        let part = self.parts.close(part, haste, &mut self.done)?;
        if ends && self.tail.is_empty() {
            self.move_in(&part)?;
            return self.thin();
        }
        self.disk.rename(&part.folder, &self.paths.part(part.span))?;
        self.disk.sync_folder(&self.paths.tail())?;
        self.tail.push(part.span);
        if ends { self.merge_tail() } else { Ok(()) }
    }

    /// Commits everything and leaves no tail.
    pub(crate) fn seal(&mut self, haste: Haste) -> Result<(), StoreError> {
        if self.tail.is_empty() {
            if let Some(part) = self.open.take() {
                let part = self.parts.close(part, haste, &mut self.done)?;
                self.move_in(&part)?;
                self.thin()?;
            }
            return Ok(());
        }
        self.commit(haste)?;
        self.merge_tail()
    }

    /// Seals the tail if it reaches a segment's end: a kill came between the
    /// two.
    pub(crate) fn finish_interrupted_segment(&mut self) -> Result<(), StoreError> {
        match self.tail.last() {
            Some(part) if self.ends_segment(part.last) => self.merge_tail(),
            _ => Ok(()),
        }
    }

    /// Renames a folder's files into the tables, `steps` last: the commit.
    fn move_in(&mut self, part: &ClosedPart) -> Result<(), StoreError> {
        let others = || part.tables.iter().filter(|table| **table != Table::Steps);
        for &table in others() {
            let target = self.paths.segment(table, part.span);
            self.disk.rename(&table_file(&part.folder, table), &target)?;
        }
        let folders: Vec<PathBuf> = others().map(|&table| self.paths.table(table)).collect();
        self.disk.sync_together(&[], &folders.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
        let target = self.paths.segment(Table::Steps, part.span);
        self.disk.rename(&table_file(&part.folder, Table::Steps), &target)?;
        self.disk.sync_folder(&self.paths.table(Table::Steps))?;
        self.sealed.push(part.span);
        self.disk.remove_folder(&part.folder)
    }

    /// Joins the parts of the tail into a segment, moves it in and drops the
    /// tail.
    fn merge_tail(&mut self) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (self.tail.first(), self.tail.last()) else {
            return Ok(());
        };
        let span = StepSpan::new(first.first, last.last);
        let folder = self.paths.temporary("merge", span);
        self.disk.remove_folder(&folder)?;
        self.disk.create_folder(&folder)?;
        let mut files = Vec::new();
        for table in Table::ALL {
            files.extend(self.merge_table(table, &folder, span)?);
        }
        self.move_in(&ClosedPart::of(&self.disk, folder, span, files)?)?;
        for part in std::mem::take(&mut self.tail) {
            // Renamed first: a part is dropped as a whole or not at all.
            let dropped = self.paths.temporary("drop", part);
            self.disk.rename(&self.paths.part(part), &dropped)?;
            self.disk.remove_folder(&dropped)?;
        }
        self.thin()
    }

    fn merge_table(&self, table: Table, folder: &Path, span: StepSpan) -> Result<Option<Complete>, StoreError> {
        let tensors = self.record.recording.fidelity == Fidelity::Every;
        let every_step = match table {
            Table::Steps => true,
            Table::Filters | Table::Normalisation => self.shape.rows_a_step(table).is_some_and(|rows| rows > 0),
            Table::Events | Table::Topology => return Ok(None),
            _ if SPARSE_TABLES.contains(&table) => false,
            _ => tensors && self.shape.rows_a_step(table).is_some_and(|rows| rows > 0),
        };
        let mut sources = Vec::new();
        for &part in &self.tail {
            let path = self.paths.part_file(table, part);
            if path.is_file() {
                sources.push((path, Expected { table, shape: &self.shape, branch: &self.record.id, span: part }));
            } else if every_step || table == Table::Samples && must_have_samples(&self.record, part) {
                return Err(StoreError::Missing { path, expected: format!("the table {table} of steps {part}") });
            }
        }
        if sources.is_empty() {
            return Ok(None);
        }
        let (rows, values) = self.shape.plan(table).map_or((1, 0), |plan| (plan.rows(), plan.values()));
        let kind = FileKind::new(table, self.record.format_version, rows, values);
        let target = table_file(folder, table);
        splice(&self.disk, &sources, &target, &kind, &self.record, span).map(Some)
    }

    /// Removes the oldest segments' tensors while the branch is larger than
    /// its budget. The newest segment keeps its own.
    fn thin(&mut self) -> Result<(), StoreError> {
        let Some(budget) = self.disk_budget else {
            return Ok(());
        };
        let mut bytes = self.bytes();
        let mut chosen = Vec::new();
        let candidates = self.sealed.len().saturating_sub(1);
        for &segment in &self.sealed[..candidates] {
            if bytes <= budget {
                break;
            }
            if self.thinned.iter().any(|span| span.covers(&segment)) {
                continue;
            }
            bytes = bytes.saturating_sub(tensor_bytes(&self.paths, segment));
            chosen.push(segment);
        }
        if chosen.is_empty() || self.record.recording.fidelity == Fidelity::Keyframes {
            return Ok(());
        }
        Thinned::apply(&self.disk, &self.paths, &mut self.thinned, &chosen)
    }

    /// Steps whose tensors were thinned.
    pub(crate) fn thinned_steps(&self) -> u64 {
        self.thinned.iter().map(StepSpan::steps).sum()
    }

    /// Bytes of all the branch's files.
    pub(crate) fn bytes(&self) -> u64 {
        folder_bytes(&self.paths.folder, 3)
    }

    /// Removes what an error left half-written, as far as that is possible:
    /// on a full disk it gives the space back.
    pub(crate) fn abandon(&mut self) {
        self.open = None;
        let tail = self.paths.tail();
        // What was moved in already, while the tail tells that it is not
        // committed; where that fails, the next writer does it.
        let strays = Strays::find(&self.paths).map(|strays| strays.uncommitted);
        let files = strays.iter().flatten().map(|&(span, table)| self.paths.segment(table, span));
        if strays.is_err() || files.map(|file| beneath::remove_file(&file)).any(|removed| removed.is_err()) {
            return;
        }
        for name in list_if_there(&tail).unwrap_or_default() {
            if name.starts_with('.') {
                let path = tail.join(name);
                let _ = beneath::remove_folder(&path);
            }
        }
    }

    /// Writes an event into a small file of its own, after all steps before it.
    pub(crate) fn event(
        &mut self,
        step: Step,
        kind: &str,
        message: &str,
        wall_time_micros: i64,
    ) -> Result<(), StoreError> {
        self.commit(Haste::NONE)?;
        let span = StepSpan::of(step);
        let folder = self.paths.table(Table::Events);
        let mut target = self.paths.segment(Table::Events, span);
        let mut copy = 0;
        while target.exists() {
            copy += 1;
            target = folder.join(format!("{}.{copy}.parquet", span_name(span)));
        }
        let temporary = self.paths.tail().join(format!(".event-{}", span_name(span)));
        let kind_of_file = FileKind::new(Table::Events, self.record.format_version, 0, 0);
        let mut file = TableFile::create(&self.disk, &temporary, &kind_of_file)?;
        let rows = batches::event(step, kind, message, wall_time_micros)
            .map_err(|error| StoreError::parquet("describe", &target, error.into()))?;
        file.write_batch(&rows)?;
        file.finish(&self.record, span)?;
        self.disk.rename(&temporary, &target)?;
        self.disk.sync_folder(&folder)
    }
}
