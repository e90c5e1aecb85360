//! The open part: the steps since the last commit, one file a table in a
//! temporary folder.

use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
use revacnn_schemas::{BranchRecord, Fidelity, Step, Table, ValidationResult};

use crate::StoreError;
use crate::disk::paths::{BranchPaths, StepSpan, table_file};
use crate::disk::{Disk, DiskFile};
use crate::keyframe;
use crate::shape::{BranchShape, TENSOR_TABLES};
use crate::write::batches::{self, SampleRows, StepRows};
use crate::write::contention::Contention;
use crate::write::file::{Complete, FileKind, TableFile};
use crate::write::record::{ROW_GROUP_STEPS, Records, StepRecord};
use crate::write::rowgroup::RowGroups;
use crate::write::side_by_side::{Haste, side_by_side};
use crate::write::statistics::FilterStatistics;

/// What every part of a branch shares: how its tables are written.
pub(crate) struct PartWriter {
    record: BranchRecord,
    shape: BranchShape,
    disk: Disk,
    paths: BranchPaths,
    /// Tables with constant rows that this branch writes, each with what encodes them.
    regular: Vec<(FileKind, RowGroups)>,
    steps: FileKind,
    keyframes: FileKind,
    validation: FileKind,
    /// Where the branch's format has the table.
    samples: Option<FileKind>,
    contention: Contention,
}

/// Rows of `samples` that are one row group, but for the last of a part.
const SAMPLE_ROWS: usize = 1 << 16;

impl PartWriter {
    pub(crate) fn new(
        record: &BranchRecord,
        shape: &BranchShape,
        disk: &Disk,
        paths: &BranchPaths,
    ) -> Result<Self, StoreError> {
        let tensors = record.recording.fidelity == Fidelity::Every;
        let version = record.format_version;
        let regular = TENSOR_TABLES
            .into_iter()
            .filter(|_| tensors)
            .chain([Table::Filters, Table::Normalisation])
            .filter_map(|table| Some((table, shape.plan(table)?)))
            .filter(|(_, plan)| plan.rows() > 0)
            .map(|(table, plan)| {
                let kind = FileKind::new(table, version, plan.rows(), plan.values());
                let groups = RowGroups::new(&kind, plan);
                groups
                    .map(|groups| (kind, groups))
                    .map_err(|error| StoreError::parquet("prepare to write", &paths.table(table), error))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            record: record.clone(),
            shape: shape.clone(),
            disk: disk.clone(),
            paths: paths.clone(),
            regular,
            steps: FileKind::new(Table::Steps, version, 1, 0),
            keyframes: FileKind::new(Table::Keyframes, version, 0, 0),
            validation: FileKind::new(Table::Validation, version, 0, 0),
            samples: record.has_samples().then(|| FileKind::new(Table::Samples, version, 0, 0)),
            contention: Contention::default(),
        })
    }

    /// Starts a part at this step.
    pub(crate) fn open(&self, first: Step) -> Result<OpenPart, StoreError> {
        let folder = self.paths.temporary("open", StepSpan::of(first));
        self.disk.create_folder(&folder)?;
        let mut files = Vec::with_capacity(self.regular.len());
        for (kind, _) in &self.regular {
            let path = table_file(&folder, kind.table);
            files.push(TableFile::create(&self.disk, &path, kind)?);
        }
        Ok(OpenPart {
            folder,
            span: StepSpan::of(first),
            files,
            pending: Vec::with_capacity(ROW_GROUP_STEPS),
            steps: StepRows::default(),
            keyframes: None,
            validation: Vec::new(),
            samples: (SampleRows::default(), None),
        })
    }

    /// Adds the next step. Records whose tensors are written by now go to
    /// `done`, for reuse.
    pub(crate) fn push(
        &mut self,
        part: &mut OpenPart,
        mut step: Box<StepRecord>,
        statistics: FilterStatistics,
        haste: Haste,
        done: &mut Records,
    ) -> Result<(), StoreError> {
        part.span.last = step.scalars.step;
        part.steps.push(&step.scalars);
        if let Some(result) = step.validation.take() {
            part.validation.push((step.scalars.step, result));
        }
        if let Some(state) = step.keyframe.take() {
            let file = match &mut part.keyframes {
                Some(file) => file,
                none => {
                    let path = table_file(&part.folder, Table::Keyframes);
                    none.insert(TableFile::create(&self.disk, &path, &self.keyframes)?)
                }
            };
            let rows = keyframe::encode(&self.shape, &state);
            let rows = rows.map_err(|error| described(error, &file.path))?;
            file.write_batch(&rows)?;
        }
        if self.samples.is_some() {
            part.samples.0.push(step.scalars.step, &step.samples);
            if part.samples.0.len() >= SAMPLE_ROWS {
                self.write_samples(part)?;
            }
        }
        part.pending.push((step, statistics));
        if part.pending.len() == ROW_GROUP_STEPS {
            self.write_pending(part, haste, done)?;
        }
        Ok(())
    }

    fn write_samples(&self, part: &mut OpenPart) -> Result<(), StoreError> {
        let (rows, file) = &mut part.samples;
        let Some(kind) = self.samples.as_ref().filter(|_| rows.len() > 0) else { return Ok(()) };
        let file = match file {
            Some(file) => file,
            none => none.insert(TableFile::create(&self.disk, &table_file(&part.folder, Table::Samples), kind)?),
        };
        let rows = rows.take(self.record.format_version).map_err(|error| described(error, &file.path))?;
        file.write_batch(&rows)
    }

    fn write_pending(&mut self, part: &mut OpenPart, haste: Haste, done: &mut Records) -> Result<(), StoreError> {
        if part.pending.is_empty() {
            return Ok(());
        }
        let pending = &part.pending[..];
        let mut tables: Vec<_> = self.regular.iter_mut().map(|(_, groups)| (groups, Ok(()))).collect();
        let fast = haste.fast || haste.spares_cores && self.contention.is_shared();
        let mut encode = || {
            side_by_side(&mut tables, haste.threads, |(groups, result)| *result = groups.encode(pending, fast));
        };
        // With helpers it waits for these as well.
        if haste.threads == 1 {
            self.contention.watch(encode)
        } else {
            encode()
        }
        // What reaches the disk does so in one order.
        for (file, (groups, encoded)) in part.files.iter_mut().zip(tables) {
            encoded.map_err(|error| StoreError::parquet("encode rows of", &file.path, error))?;
            file.append(groups.group())?;
        }
        done.extend(part.pending.drain(..).map(|(step, _)| step));
        Ok(())
    }

    /// Finishes and syncs every file of the part, and the folder.
    pub(crate) fn close(
        &mut self,
        mut part: OpenPart,
        haste: Haste,
        done: &mut Records,
    ) -> Result<ClosedPart, StoreError> {
        self.write_pending(&mut part, haste, done)?;
        self.write_samples(&mut part)?;
        let OpenPart { folder, span, mut files, steps, keyframes, validation, samples: (_, samples), .. } = part;
        files.extend(keyframes);
        files.extend(samples);
        if !validation.is_empty() {
            let path = table_file(&folder, Table::Validation);
            let rows = batches::validation(&validation, self.record.format_version)
                .map_err(|error| described(error, &path))?;
            let mut file = TableFile::create(&self.disk, &path, &self.validation)?;
            file.write_batch(&rows)?;
            files.push(file);
        }
        let path = table_file(&folder, Table::Steps);
        let rows = steps.batch(self.record.format_version).map_err(|error| described(error, &path))?;
        let mut file = TableFile::create(&self.disk, &path, &self.steps)?;
        file.write_batch(&rows)?;
        files.push(file);

        let files = files.into_iter().map(|file| file.complete(&self.record, span));
        ClosedPart::of(&self.disk, folder, span, files.collect::<Result<_, _>>()?)
    }
}

fn described(error: ArrowError, path: &Path) -> StoreError {
    StoreError::parquet("describe rows of", path, error.into())
}

/// A part that steps are added to.
pub(crate) struct OpenPart {
    pub(crate) folder: PathBuf,
    pub(crate) span: StepSpan,
    files: Vec<TableFile>,
    pending: Vec<(Box<StepRecord>, FilterStatistics)>,
    steps: StepRows,
    keyframes: Option<TableFile>,
    validation: Vec<(Step, ValidationResult)>,
    /// Rows that are not written yet, and the file of those that are.
    samples: (SampleRows, Option<TableFile>),
}

/// A part whose files are complete and on the medium, in a temporary folder.
#[derive(Debug)]
pub(crate) struct ClosedPart {
    pub(crate) folder: PathBuf,
    pub(crate) span: StepSpan,
    /// The tables that have a file.
    pub(crate) tables: Vec<Table>,
}

impl ClosedPart {
    /// Waits until the files and their folder are on the medium, and that the folder lies
    /// where it does: it tells that what is moved out of it is not committed yet.
    pub(crate) fn of(disk: &Disk, folder: PathBuf, span: StepSpan, files: Vec<Complete>) -> Result<Self, StoreError> {
        let on_disk: Vec<&DiskFile> = files.iter().map(Complete::disk_file).collect();
        disk.sync_together(&on_disk, &[&folder, folder.parent().unwrap_or(Path::new("."))])?;
        Ok(Self { folder, span, tables: files.iter().map(|file| file.table).collect() })
    }
}
