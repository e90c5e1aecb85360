//! Letting the branches of a pack into a store: which are new, which are there, which
//! go on where the store's end, and which are others of the same id.

use std::collections::HashSet;
use std::fs;

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Producer};

use crate::create::numbered_name;
use crate::disk::json;
use crate::pack::manifest::Manifest;
use crate::read::difference::PORTION;
use crate::{BranchReader, StepRow, StepSpan, Store, StoreError};

/// What became of a branch of a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpacked {
    /// The branch as the store has it now.
    pub branch: BranchRecord,
    /// Its name in the pack.
    pub packed_as: BranchName,
    /// Its own steps in the store.
    pub steps: StepSpan,
    /// How it came.
    pub arrival: Arrival,
}

/// How a branch of a pack came into a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The store did not have it.
    Added,
    /// The store had it, up to the same step or further.
    Kept,
    /// The store had these steps of it, which the pack's go on from; `None` where it
    /// had ended before its first step.
    Extended(Option<StepSpan>),
}

/// What is to be done with a branch, and what that follows from.
struct Plan {
    theirs: BranchRecord,
    their_steps: StepSpan,
    /// The store's branch of this id, with its steps; looked at again before anything
    /// is done.
    ours: Option<(BranchRecord, Option<StepSpan>)>,
}

impl Plan {
    fn arrival(&self) -> Arrival {
        match &self.ours {
            None => Arrival::Added,
            Some((_, Some(ours))) if ours.last >= self.their_steps.last => Arrival::Kept,
            Some((_, ours)) => Arrival::Extended(*ours),
        }
    }
}

/// How often what is in the store is looked at again where it has changed.
const LOOKS: usize = 20;

/// Moves the branches that were put together in `staged` into the store.
pub(crate) fn admit(store: &Store, staged: &Store, manifest: &Manifest) -> Result<Vec<Unpacked>, StoreError> {
    let mut looks = 1;
    loop {
        // Comparing takes longer than the store's lock may be held.
        let plans = plan(store, staged, manifest)?;
        let mut held = Vec::new();
        for plan in plans.iter().filter(|plan| matches!(plan.arrival(), Arrival::Extended(_))) {
            if let Some((ours, _)) = &plan.ours {
                held.push(store.hold_alone(ours)?);
            }
        }
        let _lock = store.lock()?;
        if !plans.iter().map(|plan| still_holds(store, plan)).collect::<Result<Vec<_>, _>>()?.contains(&false) {
            return move_in(store, staged, plans);
        }
        looks += 1;
        if looks > LOOKS {
            return Err(StoreError::StoreBusy {
                path: store.root().join("branches"),
                holder: "processes that change these branches again and again".to_owned(),
            });
        }
    }
}

fn plan(store: &Store, staged: &Store, manifest: &Manifest) -> Result<Vec<Plan>, StoreError> {
    let mut plans = Vec::new();
    for branch in &manifest.branches {
        let theirs = BranchReader::of(staged, staged.branch_by_id(&branch.id)?)?;
        let their_steps = theirs.steps().expect("invariant: a branch of a pack was checked to have steps");
        let ours = present(store, &branch.id)?;
        if let Some(ours) = &ours {
            compare(ours, &theirs)?;
        } else if store.is_in_trash(&branch.id) {
            let deleted = store.deleted()?.into_iter().find(|record| record.id == branch.id);
            let reason = "it was deleted there and is in the trash: take it back, or free the trash".into();
            let (branch, deleted) = (branch.name.clone(), deleted.map(|record| Box::new(record.name)));
            return Err(StoreError::PackConflict { branch, reason, deleted });
        }
        let ours = ours.map(|ours| (ours.branch().clone(), ours.steps()));
        plans.push(Plan { theirs: theirs.branch().clone(), their_steps, ours });
    }
    Ok(plans)
}

/// The store's branch of this id, if it has one; one that cannot be read is an error.
fn present(store: &Store, id: &BranchId) -> Result<Option<BranchReader>, StoreError> {
    if fs::symlink_metadata(store.branch_folder(id)).is_err() {
        return Ok(None);
    }
    BranchReader::of(store, store.branch_by_id(id)?).map(Some)
}

/// Whether what a plan follows from is still so; under the store's lock.
fn still_holds(store: &Store, plan: &Plan) -> Result<bool, StoreError> {
    let now = present(store, &plan.theirs.id)?.map(|ours| ours.steps());
    let extends = matches!(plan.arrival(), Arrival::Extended(_));
    Ok(match (&plan.ours, now) {
        (None, None) => !store.is_in_trash(&plan.theirs.id),
        // One that is kept may have grown.
        (Some((_, then)), Some(now)) => *then == now || !extends && now.is_some(),
        _ => false,
    })
}

/// Refuses a branch that is another one than the store's of the same id, or that would
/// take away what the store has.
fn compare(ours: &BranchReader, theirs: &BranchReader) -> Result<(), StoreError> {
    let conflict = |reason: String| {
        Err(StoreError::PackConflict { branch: theirs.branch().name.clone(), reason: reason.into(), deleted: None })
    };
    if let Some(field) = differing_field(ours.branch(), theirs.branch()) {
        let name = &ours.branch().name;
        return conflict(format!("`{name}` there has the same id and another {field} in branch.json"));
    }
    let (Some(own), Some(packed)) = (ours.steps(), theirs.steps()) else { return Ok(()) };
    let Some(common) = own.intersection(&packed) else { return Ok(()) };
    for part in common.portions(PORTION) {
        for (our_row, their_row) in ours.step_rows(part)?.into_iter().zip(theirs.step_rows(part)?) {
            let step = our_row.step;
            let (our_digest, their_digest) = (our_row.digest, their_row.digest);
            if our_digest != their_digest {
                let digests = format!("{our_digest:.12}… and in the pack {their_digest:.12}…");
                return conflict(format!("its history differs from step {step} on: there its digest is {digests}"));
            }
            if !is_same(our_row, their_row) {
                return conflict(format!("its row of step {step} in the table steps is another one there"));
            }
        }
    }
    if packed.last <= own.last {
        return Ok(());
    }
    // What is replaced may have tensors that the pack leaves out.
    for (piece, _) in ours.pieces_of(own)? {
        let step = piece.span.first;
        if ours.stores_tensors(step)? && !theirs.stores_tensors(step)? {
            let name = &ours.branch().name;
            return conflict(format!(
                "it goes on to step {}, but without the tensors that `{name}` there has of steps {}. Compact `{name}` \
                 first, which leaves the keyframes that tensors follow from, or unpack into another store",
                packed.last, piece.span
            ));
        }
    }
    Ok(())
}

/// What a branch is, without how it is called, recorded and stored.
fn differing_field(ours: &BranchRecord, theirs: &BranchRecord) -> Option<&'static str> {
    let arithmetic = |record: &BranchRecord| record.producer.arithmetic();
    let foreign = |record: &BranchRecord| match &record.producer {
        Producer::Foreign(foreign) => Some(foreign.clone()),
        Producer::Engine { .. } => None,
    };
    [
        ("key", ours.key == theirs.key),
        ("parent", ours.parent == theirs.parent),
        ("list of edits", ours.edits == theirs.edits),
        ("arithmetic", arithmetic(ours) == arithmetic(theirs)),
        ("producer", foreign(ours) == foreign(theirs)),
        ("topology", ours.topology == theirs.topology),
    ]
    .into_iter()
    .find_map(|(field, is_equal)| (!is_equal).then_some(field))
}

/// Whether rows are the same but for the times, which differ between equal runs.
fn is_same(mut ours: StepRow, theirs: StepRow) -> bool {
    (ours.elapsed_nanos, ours.wall_time_micros) = (theirs.elapsed_nanos, theirs.wall_time_micros);
    // Values that are no number equal nothing, and are written alike.
    ours == theirs || format!("{ours:?}") == format!("{theirs:?}")
}

/// Renames the branches into the store, whose lock is held, from the root on.
fn move_in(store: &Store, staged: &Store, plans: Vec<Plan>) -> Result<Vec<Unpacked>, StoreError> {
    let (disk, branches) = (store.disk(), store.root().join("branches"));
    let ours = store.branches()?;
    let mut names: HashSet<BranchName> = HashSet::new();
    let mut unpacked = Vec::new();
    for plan in plans {
        let (arrival, packed_as) = (plan.arrival(), plan.theirs.name.clone());
        let mut branch = match (&plan.ours, arrival) {
            (Some((ours, _)), Arrival::Kept) => ours.clone(),
            (Some((ours, _)), _) => BranchRecord { name: ours.name.clone(), ..plan.theirs },
            (None, _) => plan.theirs,
        };
        if arrival == Arrival::Added {
            let is_taken = |name: &BranchName| ours.is_taken(name) || names.contains(name);
            if is_taken(&branch.name) {
                branch.name = numbered_name(branch.name.as_str(), is_taken);
            }
            names.insert(branch.name.clone());
        }
        let (from, to) = (staged.branch_folder(&branch.id), store.branch_folder(&branch.id));
        if arrival != Arrival::Kept && branch.name != packed_as {
            json::write(disk, &from.join("branch.json"), &branch)?;
        }
        let mut steps = plan.their_steps;
        match arrival {
            Arrival::Kept => steps = plan.ours.and_then(|(_, ours)| ours).unwrap_or(steps),
            Arrival::Added => {
                disk.create_folder(&branches)?;
                disk.rename(&from, &to)?;
                disk.sync_folder(&branches)?;
            }
            Arrival::Extended(_) => {
                store.replace_branch(&branch.id, &from)?;
                disk.sync_folder(&branches)?;
            }
        }
        unpacked.push(Unpacked { branch, packed_as, steps, arrival });
    }
    Ok(unpacked)
}
