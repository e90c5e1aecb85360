//! A cell: what a view shows, of any kind.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use revacnn_schemas::Figure;
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::context::{Context, Unwatched};
use crate::{Inputs, NotebookError, Sources, Watch};

/// One kind of cell: a struct with what is shown, and how that becomes a figure.
///
/// Whatever the figure depends on is read through the [`Context`], which notes
/// it. Two equal cells that read equal things must give equal figures.
pub trait CellKind: fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called in a file.
    const KIND: &'static str;

    /// Makes the figure.
    ///
    /// # Errors
    /// What keeps it from being made: [`NotebookError`] lists what there is
    /// instead.
    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError>;
}

/// A cell of any kind. In a file it is an object with its `kind` and the fields
/// of that kind, one of [`KINDS`](crate::kinds::KINDS).
#[derive(Clone)]
pub struct Cell(Arc<dyn AnyKind>);

impl Cell {
    /// What its kind is called.
    pub fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// The cell, if it is of this kind.
    pub fn as_kind<K: CellKind>(&self) -> Option<&K> {
        self.0.as_any().downcast_ref()
    }

    /// Makes its figure once, without a graph: it can read no other cell.
    ///
    /// # Errors
    /// What keeps it from having one.
    pub fn figure(&self, sources: &mut Sources, inputs: &Inputs) -> Result<Figure, NotebookError> {
        self.watched_figure(sources, inputs, &mut Unwatched)
    }

    /// [`figure`](Self::figure), for somebody who is told how far it is and may give it up.
    ///
    /// # Errors
    /// What keeps it from having one; [`NotebookError::Cancelled`] where it was given up.
    pub fn watched_figure(
        &self,
        sources: &mut Sources,
        inputs: &Inputs,
        watch: &mut dyn Watch,
    ) -> Result<Figure, NotebookError> {
        self.run(&mut Context::alone(sources, inputs, watch))
    }

    pub(crate) fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        self.0.run(context)
    }
}

impl<K: CellKind> From<K> for Cell {
    fn from(kind: K) -> Self {
        Self(Arc::new(kind))
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_any())
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

/// How cells of a kind are read from a file.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    name: &'static str,
    read: fn(Value) -> Result<Cell, serde_json::Error>,
}

impl Kind {
    /// The entry of a kind.
    pub const fn of<K: CellKind>() -> Self {
        Self { name: K::KIND, read: |fields| Ok(serde_json::from_value::<K>(fields)?.into()) }
    }

    /// What it is called in a file.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The cell with these fields.
    ///
    /// # Errors
    /// Where they are not those of this kind.
    pub(crate) fn read(&self, fields: Value) -> Result<Cell, serde_json::Error> {
        (self.read)(fields)
    }
}

/// A [`CellKind`] whose type is not known.
trait AnyKind: fmt::Debug + Send + Sync {
    fn kind(&self) -> &'static str;
    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError>;
    fn as_any(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Any) -> bool;
    fn to_json(&self) -> Result<Value, serde_json::Error>;
}

impl<K: CellKind> AnyKind for K {
    fn kind(&self) -> &'static str {
        K::KIND
    }

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        CellKind::run(self, context)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<K>().is_some_and(|other| self == other)
    }

    fn to_json(&self) -> Result<Value, serde_json::Error> {
        #[derive(Serialize)]
        struct Tagged<'a, K> {
            kind: &'static str,
            #[serde(flatten)]
            fields: &'a K,
        }
        serde_json::to_value(Tagged { kind: K::KIND, fields: self })
    }
}
