//! A reader of one branch: which steps there are, and where a position leads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use revacnn_schemas::{BranchName, BranchRecord, FilterNumber, LayerName, Step, Table};

use crate::disk::lock::FileLock;
use crate::disk::paths::{BranchPaths, StepSpan};
use crate::read::footer::{Expected, FooterCache, OpenTable};
use crate::read::listing::{Listing, Piece};
use crate::read::seen::Seen;
use crate::read::strays::Strays;
use crate::shape::{BranchShape, LayerRows, RowPlan, TENSOR_TABLES};
use crate::thinning::{Materialised, Thinned, not_stored, stores_tensors};
use crate::{Store, StoreError};

/// What a reader knows from the folder's listing.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) thinned: Vec<StepSpan>,
    pub(crate) materialised: Vec<StepSpan>,
    /// Segments that have a file of `keyframes`.
    pub(crate) keyframes: Vec<StepSpan>,
    /// Segments that have a file of `validation`.
    pub(crate) validation: Vec<StepSpan>,
    /// Segments that have a file of `samples`.
    pub(crate) samples: Vec<StepSpan>,
    /// Segments that lost their file of `steps`.
    pub(crate) lost: Vec<StepSpan>,
}

impl Index {
    /// What was seen of the folders.
    pub(crate) fn of(paths: &BranchPaths, seen: &Seen) -> Result<Self, StoreError> {
        let listing = Listing::of(paths, seen)?;
        Ok(Self {
            pieces: listing.pieces().collect(),
            thinned: if seen.has("thinned.json") { Thinned::read(paths)? } else { Vec::new() },
            materialised: if seen.has("materialised.json") { Materialised::read(paths)? } else { Vec::new() },
            keyframes: seen.spans(Table::Keyframes).to_vec(),
            validation: seen.spans(Table::Validation).to_vec(),
            samples: seen.spans(Table::Samples).to_vec(),
            lost: Strays::of(paths, seen, &listing).lost,
        })
    }

    /// The first and the last step; `None` before the first.
    pub(crate) fn steps(&self) -> Option<StepSpan> {
        let (first, last) = (self.pieces.first()?, self.pieces.last()?);
        Some(StepSpan::new(first.span.first, last.span.last))
    }
}

/// Reads one branch, also while it grows; takes no lock that a writer waits
/// for. Cheap calls may come from several threads at once.
///
/// A reader sees the branch's own steps, from the fork step on; a
/// [`Lineage`](crate::Lineage) has those before as well.
#[derive(Debug)]
pub struct BranchReader {
    pub(crate) record: Arc<BranchRecord>,
    pub(crate) shape: BranchShape,
    pub(crate) paths: BranchPaths,
    pub(crate) footers: FooterCache,
    index: RwLock<Arc<Index>>,
    /// Tells who deletes, compacts or collects garbage that somebody reads;
    /// `None` while it rests.
    hold: Mutex<Option<FileLock>>,
}

impl BranchReader {
    /// Opens the branch of this name.
    ///
    /// # Errors
    /// [`StoreError::UnknownBranch`] listing the branches that there are.
    pub fn open(store: &Store, name: &BranchName) -> Result<Self, StoreError> {
        Self::of(store, store.branch(name)?)
    }

    /// Opens a branch whose record is at hand.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn of(store: &Store, record: impl Into<Arc<BranchRecord>>) -> Result<Self, StoreError> {
        let reader = Self::at_rest(store, record.into())?;
        reader.hold();
        reader.refresh()?;
        Ok(reader)
    }

    /// A reader that [rests](Self::rest), and has not looked yet.
    pub(crate) fn at_rest(store: &Store, record: Arc<BranchRecord>) -> Result<Self, StoreError> {
        let shape = BranchShape::of(&record)
            .map_err(|reason| StoreError::Unrecordable { branch: record.name.clone(), reason })?;
        let paths = store.paths(&record.id);
        Ok(Self {
            hold: Mutex::default(),
            paths,
            record,
            shape,
            footers: FooterCache::default(),
            index: RwLock::default(),
        })
    }

    /// Lets others delete, compact and tidy the branch until it is
    /// [held](Self::hold) again: a reader at rest is in nobody's way. What it
    /// knows of the branch stays, and may be untrue by then.
    pub fn rest(&self) {
        self.holding().take();
    }

    /// Keeps others from deleting, compacting and tidying the branch, as from
    /// the start, where it was at rest.
    pub fn hold(&self) {
        let mut hold = self.holding();
        if hold.is_none() {
            *hold = FileLock::share(&self.paths.readers_lock());
        }
    }

    fn holding(&self) -> MutexGuard<'_, Option<FileLock>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The branch.
    pub fn branch(&self) -> &BranchRecord {
        &self.record
    }

    /// Looks for steps committed since; returns all there are.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn refresh(&self) -> Result<Option<StepSpan>, StoreError> {
        let index = Index::of(&self.paths, &Seen::look(&self.paths)?)?;
        self.set(index);
        Ok(self.steps())
    }

    pub(crate) fn set(&self, index: Index) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The branch's own steps, first and last; `None` before the first.
    pub fn steps(&self) -> Option<StepSpan> {
        self.index().steps()
    }

    /// Spans whose tensors were thinned to keyframes.
    pub fn thinned(&self) -> Vec<StepSpan> {
        self.index().thinned.clone()
    }

    /// Spans of a branch of fidelity `keyframes` whose tensors were written out.
    pub fn materialised(&self) -> Vec<StepSpan> {
        self.index().materialised.clone()
    }

    /// Whether the step's tensors are on disk.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`].
    pub fn stores_tensors(&self, step: Step) -> Result<bool, StoreError> {
        self.piece(step)?;
        Ok(self.stores_tensors_of(StepSpan::of(step)))
    }

    /// Whether the tensors of all steps of a span are stored.
    pub(crate) fn stores_tensors_of(&self, span: StepSpan) -> bool {
        let index = self.index();
        stores_tensors(self.record.recording.fidelity, [&index.thinned, &index.materialised], span)
    }

    /// The piece that holds a step.
    pub(crate) fn piece(&self, step: Step) -> Result<Piece, StoreError> {
        let index = self.index();
        let place = index.pieces.partition_point(|piece| piece.span.last < step);
        match index.pieces.get(place) {
            Some(piece) if piece.span.contains(step) => Ok(*piece),
            _ => Err(self.gap_at(step).unwrap_or_else(|| StoreError::UnknownStep {
                branch: self.record.name.clone(),
                step,
                known: self.known_steps(&index),
            })),
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

    /// Checks that all steps of a span are there.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`] for the first step that there is not;
    /// [`StoreError::Missing`] where its file was lost.
    pub fn check_complete(&self, span: StepSpan) -> Result<(), StoreError> {
        self.pieces_of(span).map(drop)
    }

    /// The pieces that hold steps of a span, each with the steps in it.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`] for the first step that there is not;
    /// [`StoreError::Missing`] where its file was lost.
    pub(crate) fn pieces_of(&self, span: StepSpan) -> Result<Vec<(Piece, StepSpan)>, StoreError> {
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
    /// [`StoreError::TensorsNotStored`] where the tensors of `step`, which
    /// is what is wanted of the piece, were never written or are thinned.
    pub(crate) fn open_table(&self, piece: Piece, table: Table, step: Step) -> Result<OpenTable, StoreError> {
        if TENSOR_TABLES.contains(&table) && !self.stores_tensors(step)? {
            return Err(not_stored(&self.record.name, step, self.nearest_keyframe(step)?));
        }
        self.footers.open(&piece.file(&self.paths, table), self.expected(table, piece.span))
    }

    /// What is known of a file of these steps.
    pub(crate) fn expected(&self, table: Table, span: StepSpan) -> Expected<'_> {
        Expected { table, shape: &self.shape, branch: &self.record.id, span }
    }

    /// Reads, and once more with a fresh listing where a file was not there:
    /// the writer may have merged or thinned it since.
    pub(crate) fn with_fresh_listing<T>(&self, read: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        match read() {
            Err(error) if error.is_missing_file() => {
                self.refresh()?;
                read()
            }
            result => result,
        }
    }

    pub(crate) fn layer_rows<'a>(&self, plan: &'a RowPlan, layer: &LayerName) -> Result<&'a LayerRows, StoreError> {
        plan.layer(layer).ok_or_else(|| {
            let names: Vec<&str> = plan.layers.iter().map(|rows| rows.layer.as_str()).collect();
            StoreError::UnknownFilter {
                branch: self.record.name.clone(),
                what: format!("layer `{layer}` of this kind"),
                known: format!("there is {}", names.join(", ")),
            }
        })
    }

    /// The position of a filter in its layer.
    pub(crate) fn filter_position(&self, rows: &LayerRows, filter: FilterNumber) -> Result<usize, StoreError> {
        let position = rows.numbers.iter().position(|&number| number == filter);
        position.ok_or_else(|| {
            let numbers: Vec<String> = rows.numbers.iter().map(ToString::to_string).collect();
            StoreError::UnknownFilter {
                branch: self.record.name.clone(),
                what: format!("filter {}/{filter}", rows.layer),
                known: format!("there is {}", numbers.join(", ")),
            }
        })
    }
}
