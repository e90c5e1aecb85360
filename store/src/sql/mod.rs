//! SQL over the log: the tables by name, each branch with its whole history.
//!
//! | module | concept |
//! |---|---|
//! | `statement` | what a query asks for, and what is refused |
//! | `parameters` | values in place of names such as `$step` |
//! | `bounds` | which rows of a table its conditions can touch |
//! | `tables` | those rows, read when the query engine asks for them |
//! | `branches` | the table of branches, which has no files |
//! | `convert` | columns between Arrow and the query engine |
//! | `order` | rows in one order |
//! | `answer` | the rows that come out |
//!
//! # Which rows a branch has
//!
//! Every branch's history is in the tables under the branch's own name: the
//! column `branch` says whose history a row is in, `recorded_in` which branch
//! holds it. The steps of `wider`, forked from `main` at 300, are 0 to 299
//! (recorded in `main`) and those from 300 on (recorded in `wider`). So
//! `WHERE branch = 'wider'` follows the lineage, and
//! `WHERE branch = recorded_in` gives each row of the store once. The table
//! `topology` has a branch's own positions and no `step`.
//!
//! Files are read by the recorder's own reader, which checks them; the query
//! engine sees no file and has no function that could open one.

mod answer;
mod bounds;
mod branches;
mod convert;
mod memory;
mod order;
mod parameters;
mod statement;
mod tables;

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use polars::prelude::{DataFrame, IdxSize, IntoLazy, LazyFrame, PolarsError, ScanArgsAnonymous};
use polars::sql::SQLContext;
use revacnn_schemas::{BranchId, BranchName, Step};

use self::memory::Memory;
use crate::disk::system::cores;
use crate::{BranchList, Lineage, Store, StoreError};

pub use answer::{Answer, Cell, cell};
pub use parameters::{Parameter, filled, parameters};

use tables::{Damage, LogTable};

/// How often the memory that a query holds is looked at.
const WATCH: Duration = Duration::from_millis(5);

/// So many readers of a query keep others from tidying meanwhile; the rest open their files when they are read.
const MOST_HELD: usize = 256;

/// Room for the syntax tree of the longest query, which is walked recursively.
const STACK_BYTES: usize = 512 << 20;

/// What a query may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The most rows of an answer, the first ones; all where `None`.
    pub rows: Option<usize>,
    /// The most bytes of memory; where `None`, three quarters of what is free,
    /// also in the control groups that the process is in. Kept where the system
    /// says what a process holds (Linux).
    pub memory: Option<u64>,
}

/// Whose histories are in the tables.
#[derive(Debug, Clone, Copy)]
pub enum Histories<'a> {
    /// Those of all branches.
    All,
    /// That of one branch.
    One(&'a BranchName),
    /// Those of some branches, each under a name of its own, and to an end of its own.
    Named(&'a [NamedHistory]),
}

/// A branch's history under a name that is not its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedHistory {
    /// What it is called in the tables.
    pub name: BranchName,
    /// The branch.
    pub id: BranchId,
    /// Its last step in the tables; all of its steps where `None`.
    pub until: Option<Step>,
}

/// Answers a query.
///
/// A query that is given up because of its memory goes on in the background
/// until it fails: the process should end.
///
/// # Errors
/// [`StoreError::Query`] for what cannot be asked, for tensors that are not
/// stored, and for a query that needs more memory than it may take; an error
/// with the path of a damaged file.
pub fn query(store: &Store, of: Histories<'_>, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
    let text = sql.to_owned();
    // Lineages of one list share the records of their ancestors.
    let mut list = store.branches()?.map(Arc::new);
    let mut lineages = Vec::new();
    // Some of the branches would be a silently partial answer.
    let mut problems = Vec::new();
    match of {
        Histories::One(name) => lineages.push(Lineage::open(store, name)?),
        Histories::Named(named) => {
            let names: HashMap<&BranchId, &BranchName> = named.iter().map(|named| (&named.id, &named.name)).collect();
            for record in &mut list.records {
                if let Some(&name) = names.get(&record.id) {
                    Arc::make_mut(record).name = name.clone();
                }
            }
            for NamedHistory { name, id, until } in named {
                let mut history = list.lineage(id, store.root())?;
                // One branch may have several names.
                Arc::make_mut(&mut history[0]).name = name.clone();
                let lineage = Lineage::along(store, history)?;
                lineages.push(match until {
                    Some(last) => lineage.ending_at(*last),
                    None => lineage,
                });
            }
        }
        Histories::All => {
            let mut held = 0;
            for record in &list.records {
                match Lineage::listed(store, &list, &record.id, |record| Ok(record.clone())) {
                    Ok(lineage) if !list.is_ambiguous(&record.name) => {
                        // An open file each is what a process has not many of.
                        held += lineage.readers().len();
                        if held > MOST_HELD {
                            lineage.rest();
                        }
                        lineages.push(lineage);
                    }
                    Ok(_) => {}
                    Err(error) => problems.push(error),
                }
            }
            problems.splice(0..0, std::mem::take(&mut list.problems));
        }
    }
    // Where names are the store's own, only those that the list knows to be of several branches are.
    let may_be_twice = list.has_ambiguous_names() || matches!(of, Histories::Named(_));
    for lineage in lineages.iter().filter(|_| may_be_twice) {
        // Their rows could not be told apart.
        let mut known = BTreeSet::new();
        let mut names = lineage.branches().iter().map(|branch| &branch.name);
        if let Some(twice) = names.find(|name| !known.insert(*name)) {
            let reason = format!("two branches of one history are named `{twice}`: give one of them another name");
            return Err(StoreError::Query { reason });
        }
    }
    let lineages: Vec<Arc<Lineage>> = lineages.into_iter().map(Arc::new).collect();
    watched(limits.memory, move || {
        let question = statement::examine(&text)?;
        let names: BTreeSet<&str> = lineages.iter().map(|lineage| lineage.branch().name.as_str()).collect();
        if !problems.is_empty() && !question.is_of(&names) {
            return Err(problems.remove(0));
        }
        tables::refuse_gaps(&lineages, &question.uses)?;
        let damage = Damage::default();
        let mut frames = Vec::new();
        for table in question.tables() {
            let parts = tables::parts(table, &lineages, &question.uses)?;
            frames.push((table.name(), LogTable::new(table, parts, damage.clone())));
        }
        let branches = branches::frame(&lineages, &list);
        let answer = || -> Result<DataFrame, PolarsError> {
            let frame = order::kept(lazily(&text, frames, branches?)?);
            let most = limits.rows.and_then(|rows| IdxSize::try_from(rows).ok()?.checked_add(1));
            answer::plain(match most {
                Some(most) => frame.limit(most),
                None => frame,
            })?
            .collect()
        };
        let reason = match catch_unwind(AssertUnwindSafe(answer)) {
            Ok(Ok(frame)) => return Answer::of(frame, limits.rows),
            Ok(Err(error)) => explained(&error),
            Err(panic) => format!("the query engine gave up on it: {}", said(panic.as_ref())),
        };
        // What was wrong with a file says more than that it could not be read.
        if let Some(error) = damage.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        Err(StoreError::Query { reason: format!("{reason}{}", question.columns()) })
    })
}

/// Checks a query without a log: its tables, its columns and what is done with them.
///
/// # Errors
/// [`StoreError::Query`] for what cannot be asked.
pub fn check(sql: &str) -> Result<(), StoreError> {
    let text = sql.to_owned();
    watched(Some(u64::MAX), move || {
        let question = statement::examine(&text)?;
        let frames = question
            .tables()
            .into_iter()
            .map(|table| (table.name(), LogTable::new(table, Vec::new(), Damage::default())));
        let frames = frames.collect();
        let branches = branches::frame(&[], &BranchList::default());
        let schema = || lazily(&text, frames, branches?)?.collect_schema().map(drop);
        let reason = match catch_unwind(AssertUnwindSafe(schema)) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => explained(&error),
            Err(panic) => format!("the query engine gave up on it: {}", said(panic.as_ref())),
        };
        Err(StoreError::Query { reason: format!("{reason}{}", question.columns()) })
    })
}

/// A query over these tables, before any of them is read.
fn lazily(text: &str, frames: Vec<(&'static str, LogTable)>, branches: DataFrame) -> Result<LazyFrame, PolarsError> {
    let mut context = SQLContext::new();
    for (name, table) in frames {
        let arguments = ScanArgsAnonymous { name, ..ScanArgsAnonymous::default() };
        context.register(name, LazyFrame::anonymous_scan(Arc::new(table), arguments)?);
    }
    context.register(branches::NAME, branches.lazy());
    context.execute(text)
}

/// Does a query's work on a thread with a large stack, and gives it up where
/// it takes too much memory.
fn watched<T: Send + 'static>(
    limit: Option<u64>,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let refuse = |reason: String| Err(StoreError::Query { reason });
    if let Err(error) = check_threads() {
        return refuse(format!("no thread can be started for it: {error}"));
    }
    let (sender, receiver) = channel();
    let started = std::thread::Builder::new().name("query".to_owned()).stack_size(STACK_BYTES).spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Nobody listens to a query that was given up.
        let _ = sender.send(result);
    });
    if let Err(error) = started {
        return refuse(format!("no thread can be started for it: {error}"));
    }
    // The thread's stack is among what is held by now.
    let before = memory::held();
    // A process that takes the rest is killed without a word.
    let most = |left: Option<u64>| left.map(|left| left / 4 * 3);
    let left = memory::left();
    let most = Memory { resident: limit.or(most(left.resident)), addresses: most(left.addresses) };
    loop {
        match receiver.recv_timeout(WATCH) {
            Ok(Ok(result)) => return result,
            Ok(Err(panic)) => return refuse(format!("the query engine gave up on it: {}", said(panic.as_ref()))),
            Err(RecvTimeoutError::Disconnected) => {
                return refuse("the query engine ended without an answer".to_owned());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let held = memory::held();
        let exceeded = |most: Option<u64>, held: Option<u64>, before: Option<u64>| {
            most.filter(|most| held.unwrap_or(0).saturating_sub(before.unwrap_or(0)) > *most)
        };
        let exceeded = exceeded(most.resident, held.resident, before.resident)
            .or_else(|| exceeded(most.addresses, held.addresses, before.addresses));
        if let Some(most) = exceeded {
            let megabytes = most / 1_000_000;
            return refuse(format!(
                "it needs more than the {megabytes} MB of memory that it may take: bound it by `branch`, `step`, \
                 `layer` or `filter`, select fewer columns, or join on more of them"
            ));
        }
    }
}

/// Starts as many threads as the engine may, and ends them: one that gets some
/// of its threads and not all panics, or waits for ever.
///
/// # Errors
/// That of the first one that cannot be started.
fn check_threads() -> std::io::Result<()> {
    // A pool of the cores, one of at most as many that waits for files, and a few.
    const MORE: usize = 8;
    let all_at_once = Arc::new(Mutex::new(()));
    let held = all_at_once.lock().unwrap_or_else(PoisonError::into_inner);
    let started: std::io::Result<Vec<_>> = (0..2 * cores() + MORE)
        .map(|_| {
            let gate = all_at_once.clone();
            std::thread::Builder::new().spawn(move || drop(gate.lock()))
        })
        .collect();
    drop(held);
    started.map(|threads| threads.into_iter().for_each(|thread| drop(thread.join())))
}

/// What a panic said, on one line.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it did not say why").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The engine's error without the plan that it adds.
fn explained(error: &PolarsError) -> String {
    let text = error.to_string();
    let text = text.split("\n\nResolved plan until failure").next().unwrap_or(&text).trim();
    // Said for who compiles the engine.
    let has_too_many_rows = text.contains("polars-big-idx");
    let too_many_rows = "the answer, or what it is made of, has more than 4,294,967,295 rows: bound it by WHERE";
    if has_too_many_rows { too_many_rows } else { text }.to_owned()
}
