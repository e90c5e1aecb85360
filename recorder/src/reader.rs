//! A reader of one branch: which steps there are, and where a position leads.

use std::sync::{Arc, PoisonError, RwLock};

use revacnn_schemas::{BranchName, BranchRecord, Epoch, FilterNumber, LayerName, Position, Step, Table};

use crate::footer::{Expected, FooterCache, OpenTable};
use crate::listing::{Listing, Piece, spans};
use crate::paths::{BranchPaths, StepSpan};
use crate::recorder::stores_tensors;
use crate::shape::{BranchShape, LayerRows, RowPlan, TENSOR_TABLES};
use crate::thinning::{Thinned, not_stored};
use crate::{RecorderError, Store};

/// What a reader knows from the folder's listing.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) thinned: Vec<StepSpan>,
    /// Segments that have a file of `keyframes`.
    pub(crate) keyframes: Vec<StepSpan>,
    /// Segments that have a file of `validation`.
    pub(crate) validation: Vec<StepSpan>,
}

/// Reads one branch, also while it grows; takes no lock that a writer waits
/// for. Cheap calls may come from several threads at once.
///
/// A reader sees the branch's own steps, from the fork step on;
/// [`Store::lineage`] names the branches that hold those before.
#[derive(Debug)]
pub struct BranchReader {
    pub(crate) record: BranchRecord,
    pub(crate) shape: BranchShape,
    pub(crate) paths: BranchPaths,
    pub(crate) footers: FooterCache,
    index: RwLock<Arc<Index>>,
}

impl BranchReader {
    /// Opens the branch of this name.
    ///
    /// # Errors
    /// [`RecorderError::UnknownBranch`] listing the branches that there are.
    pub fn open(store: &Store, name: &BranchName) -> Result<Self, RecorderError> {
        Self::of(store, store.branch(name)?)
    }

    /// Opens a branch whose record is at hand.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn of(store: &Store, record: BranchRecord) -> Result<Self, RecorderError> {
        let shape = BranchShape::of(&record)
            .map_err(|reason| RecorderError::Unrecordable { branch: record.name.clone(), reason })?;
        let reader = Self {
            paths: store.paths(&record.id),
            record,
            shape,
            footers: FooterCache::default(),
            index: RwLock::default(),
        };
        reader.refresh()?;
        Ok(reader)
    }

    /// The branch.
    pub fn branch(&self) -> &BranchRecord {
        &self.record
    }

    /// Looks for steps committed since; returns all there are.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn refresh(&self) -> Result<Option<StepSpan>, RecorderError> {
        let listing = Listing::read(&self.paths)?;
        let index = Index {
            pieces: listing.pieces().collect(),
            thinned: Thinned::read(&self.paths)?,
            keyframes: spans(&self.paths.table(Table::Keyframes))?,
            validation: spans(&self.paths.table(Table::Validation))?,
        };
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
        Ok(self.steps())
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The branch's own steps, first and last; `None` before the first.
    pub fn steps(&self) -> Option<StepSpan> {
        let index = self.index();
        let (first, last) = (index.pieces.first()?, index.pieces.last()?);
        Some(StepSpan::new(first.span.first, last.span.last))
    }

    /// Spans whose tensors were thinned to keyframes.
    pub fn thinned(&self) -> Vec<StepSpan> {
        self.index().thinned.clone()
    }

    /// Whether the step's tensors are on disk.
    ///
    /// # Errors
    /// [`RecorderError::UnknownStep`].
    pub fn stores_tensors(&self, step: Step) -> Result<bool, RecorderError> {
        self.piece(step)?;
        let thinned = self.index().thinned.iter().any(|span| span.contains(step));
        Ok(stores_tensors(&self.record) && !thinned)
    }

    /// The piece that holds a step.
    pub(crate) fn piece(&self, step: Step) -> Result<Piece, RecorderError> {
        let index = self.index();
        let place = index.pieces.partition_point(|piece| piece.span.last < step);
        match index.pieces.get(place) {
            Some(piece) if piece.span.contains(step) => Ok(*piece),
            _ => Err(RecorderError::UnknownStep {
                branch: self.record.name.clone(),
                step,
                known: self.known_steps(&index),
            }),
        }
    }

    fn known_steps(&self, index: &Index) -> String {
        let mut runs: Vec<StepSpan> = Vec::new();
        for piece in &index.pieces {
            match runs.last_mut() {
                Some(run) if run.last.next() == piece.span.first => run.last = piece.span.last,
                _ => runs.push(piece.span),
            }
        }
        let text: Vec<String> = runs.iter().map(ToString::to_string).collect();
        match (text.len(), &self.record.parent) {
            (0, _) => "it has no steps yet".to_owned(),
            (1, None) => format!("it has steps {}", text[0]),
            (1, Some(parent)) => {
                format!("its own steps are {}; those before {} are its parent's", text[0], parent.step)
            }
            _ => format!(
                "it has steps {}; files of the table `steps` in between are missing from {}",
                text.join(", "),
                self.paths.table(Table::Steps).display()
            ),
        }
    }

    /// The pieces that hold steps of a span, each with the steps in it.
    ///
    /// # Errors
    /// [`RecorderError::UnknownStep`] for the first step that there is not.
    pub(crate) fn pieces_of(&self, span: StepSpan) -> Result<Vec<(Piece, StepSpan)>, RecorderError> {
        let mut pieces = Vec::new();
        let mut next = span.first;
        while next <= span.last {
            let piece = self.piece(next)?;
            let part = StepSpan::new(next, piece.span.last.min(span.last));
            next = part.last.next();
            pieces.push((piece, part));
        }
        Ok(pieces)
    }

    /// Opens the piece's file of a table with constant rows a step.
    ///
    /// # Errors
    /// [`RecorderError::TensorsNotStored`] where the tensors of `step`, which
    /// is what is wanted of the piece, were never written or are thinned.
    pub(crate) fn open_table(&self, piece: Piece, table: Table, step: Step) -> Result<OpenTable, RecorderError> {
        if TENSOR_TABLES.contains(&table) && !self.stores_tensors(step)? {
            return Err(not_stored(&self.record.name, step, self.nearest_keyframe(step)?));
        }
        let rows = self.shape.rows_a_step(table).unwrap_or(0) as u64;
        let expected = Expected { table, rows: Some((rows.saturating_mul(piece.span.steps()), rows)) };
        self.footers.open(&piece.file(&self.paths, table), expected)
    }

    /// Reads, and once more with a fresh listing where a file was not there:
    /// the writer may have merged or thinned it since.
    pub(crate) fn with_fresh_listing<T>(
        &self,
        read: impl Fn() -> Result<T, RecorderError>,
    ) -> Result<T, RecorderError> {
        match read() {
            Err(error) if error.is_missing_file() => {
                self.refresh()?;
                read()
            }
            result => result,
        }
    }

    pub(crate) fn layer_rows<'a>(&self, plan: &'a RowPlan, layer: &LayerName) -> Result<&'a LayerRows, RecorderError> {
        plan.layer(layer).ok_or_else(|| {
            let names: Vec<&str> = plan.layers.iter().map(|rows| rows.layer.as_str()).collect();
            RecorderError::UnknownFilter {
                branch: self.record.name.clone(),
                what: format!("layer `{layer}` of this kind"),
                known: format!("there is {}", names.join(", ")),
            }
        })
    }

    /// The position of a filter in its layer.
    pub(crate) fn filter_position(&self, rows: &LayerRows, filter: FilterNumber) -> Result<usize, RecorderError> {
        let position = rows.numbers.iter().position(|&number| number == filter);
        position.ok_or_else(|| {
            let numbers: Vec<String> = rows.numbers.iter().map(ToString::to_string).collect();
            RecorderError::UnknownFilter {
                branch: self.record.name.clone(),
                what: format!("filter {}/{filter}", rows.layer),
                known: format!("there is {}", numbers.join(", ")),
            }
        })
    }

    /// The step that a position leads to, among the branch's own steps.
    ///
    /// # Errors
    /// [`RecorderError::UnknownStep`] or [`RecorderError::NoSuchPosition`],
    /// which say what there is.
    pub fn resolve(&self, position: Position) -> Result<Step, RecorderError> {
        let nowhere =
            |known: String| RecorderError::NoSuchPosition { branch: self.record.name.clone(), position, known };
        let Some(steps) = self.steps() else {
            return Err(nowhere("the branch has no steps yet".to_owned()));
        };
        match position {
            Position::Step(step) => self.piece(step).map(|_| step),
            Position::Last => Ok(steps.last),
            Position::Fork => Ok(steps.first),
            Position::Best => {
                let mut best: Option<(Step, f32)> = None;
                for (step, result) in self.validations()? {
                    if best.is_none_or(|(_, loss)| result.loss < loss) && !result.loss.is_nan() {
                        best = Some((step, result.loss));
                    }
                }
                let none = "no validation with a finite loss is recorded yet";
                best.map(|(step, _)| step).ok_or_else(|| nowhere(none.to_owned()))
            }
            Position::Epoch(epoch) => self.end_of_epoch(epoch, steps)?.map_err(nowhere),
        }
    }

    /// The step that finished an epoch, or what there is instead.
    fn end_of_epoch(&self, epoch: Epoch, steps: StepSpan) -> Result<Result<Step, String>, RecorderError> {
        // The cursor grows from step to step: the first step at or past the
        // epoch's end is found by halving.
        let (mut low, mut high) = (steps.first.0, steps.last.0 + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.step_row(Step(middle))?.cursor.epoch < epoch {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low <= steps.last.0 {
            let cursor = self.step_row(Step(low))?.cursor;
            if cursor.epoch == epoch && cursor.offset == 0 {
                return Ok(Ok(Step(low)));
            }
        }
        let (first, last) = (self.step_row(steps.first)?, self.step_row(steps.last)?);
        Ok(Err(format!(
            "steps {steps} go from epoch {}, image {}, to epoch {}, image {} (`epoch:N` is the \
             step that finished the N-th pass)",
            first.cursor.epoch.0.saturating_add(1),
            first.cursor.offset,
            last.cursor.epoch.0.saturating_add(1),
            last.cursor.offset
        )))
    }
}
