//! Which rows of a table a query's conditions can touch.

use revacnn_schemas::{FilterNumber, LayerName, Step, Table};
use sqlparser::ast::{BinaryOperator, Expr, Value};

use crate::{Selection, StepSpan};

/// Columns that bounds are taken from.
const COLUMNS: [&str; 5] = ["step", "branch", "recorded_in", "layer", "filter"];

/// One use of a table, and the rows that it can touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableUse {
    pub(super) table: Table,
    pub(super) bounds: Bounds,
}

/// What the conditions that hold for every row of a use of a table say. They
/// only spare reading: the query engine checks each row itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    /// First and last step; none where the first is past the last.
    pub(super) first: Step,
    pub(super) last: Step,
    pub(super) branches: Option<Vec<String>>,
    holders: Option<Vec<String>>,
    layer: Option<String>,
    filter: Option<u64>,
}

impl Bounds {
    pub(super) fn none() -> Self {
        Self { first: Step(0), last: Step(u64::MAX), branches: None, holders: None, layer: None, filter: None }
    }

    /// The bounds that a condition sets on a use of a table that the query
    /// calls `known`. A column without the table's name is its own only where
    /// the query has no other table.
    pub(super) fn of(condition: &Expr, known: &str, alone: bool) -> Self {
        let mut bounds = Self::none();
        bounds.narrow(condition, &|expression| column(expression, known, alone));
        bounds
    }

    /// Whether rows of a branch, recorded in another one, can be touched.
    pub(super) fn admits(&self, branch: &str, holder: &str) -> bool {
        self.admits_branch(branch) && within(&self.holders, holder)
    }

    /// Whether rows of a branch can be touched, whoever recorded them.
    pub(super) fn admits_branch(&self, branch: &str) -> bool {
        within(&self.branches, branch)
    }

    /// The steps that can be touched.
    pub(super) fn span(&self) -> StepSpan {
        StepSpan::new(self.first, self.last)
    }

    /// The rows of a step that can be touched; `None` for none at all.
    pub(super) fn selection(&self) -> Option<Selection> {
        let Some(layer) = &self.layer else { return Some(Selection::all()) };
        let layer = layer.parse::<LayerName>().ok()?;
        Some(match self.filter {
            None => Selection::layer(layer),
            Some(filter) => Selection::filter(layer, FilterNumber(u32::try_from(filter).ok()?)),
        })
    }

    /// Narrows by what a condition demands of the columns that `column` knows.
    fn narrow<'a>(&mut self, condition: &'a Expr, column: &dyn Fn(&'a Expr) -> Option<&'a str>) {
        match condition {
            Expr::Nested(inner) => self.narrow(inner, column),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.narrow(left, column);
                self.narrow(right, column);
            }
            Expr::BinaryOp { left, op, right } => match (column(left), column(right)) {
                (Some(name), None) => self.compare(name, op, right),
                (None, Some(name)) => self.compare(name, &flipped(op), left),
                _ => {}
            },
            Expr::Between { expr, negated: false, low, high } => {
                if let Some(name) = column(expr) {
                    self.compare(name, &BinaryOperator::GtEq, low);
                    self.compare(name, &BinaryOperator::LtEq, high);
                }
            }
            Expr::InList { expr, list, negated: false } => {
                if let Some(name) = column(expr) {
                    self.one_of(name, list);
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, column: &str, operator: &BinaryOperator, value: &Expr) {
        if column != "step" {
            if *operator == BinaryOperator::Eq {
                self.one_of(column, std::slice::from_ref(value));
            }
            return;
        }
        let Some(step) = whole_number(value) else { return };
        let (low, high) = match operator {
            BinaryOperator::Eq => (step, step),
            BinaryOperator::LtEq => (0, step),
            BinaryOperator::GtEq => (step, u64::MAX),
            BinaryOperator::Gt => (step.saturating_add(1), u64::MAX),
            // Nothing lies before step 0.
            BinaryOperator::Lt => step.checked_sub(1).map_or((1, 0), |last| (0, last)),
            _ => return,
        };
        self.first = self.first.max(Step(low));
        self.last = self.last.min(Step(high));
    }

    /// Narrows by a list of values, one of which the column has.
    fn one_of(&mut self, column: &str, values: &[Expr]) {
        let numbers = || values.iter().map(whole_number).collect::<Option<Vec<u64>>>();
        let names = || values.iter().map(text).collect::<Option<Vec<String>>>();
        let common = |known: &mut Option<Vec<String>>, names: Vec<String>| {
            *known = Some(match known.take() {
                None => names,
                Some(before) => before.into_iter().filter(|name| names.contains(name)).collect(),
            });
        };
        match column {
            "step" => {
                if let Some((low, high)) = numbers().and_then(|all| Some((*all.iter().min()?, *all.iter().max()?))) {
                    self.first = self.first.max(Step(low));
                    self.last = self.last.min(Step(high));
                }
            }
            "branch" => names().into_iter().for_each(|names| common(&mut self.branches, names)),
            "recorded_in" => names().into_iter().for_each(|names| common(&mut self.holders, names)),
            "layer" => {
                if let Some([name]) = names().as_deref() {
                    self.layer = Some(name.clone());
                }
            }
            _ => {
                if let Some([number]) = numbers().as_deref() {
                    self.filter = Some(*number);
                }
            }
        }
    }
}

fn within(names: &Option<Vec<String>>, name: &str) -> bool {
    names.as_ref().is_none_or(|names| names.iter().any(|known| known == name))
}

/// The name of a column that bounds are taken from, if it is the table's.
fn column<'a>(expression: &'a Expr, table: &str, alone: bool) -> Option<&'a str> {
    let name = match expression {
        Expr::Identifier(name) if alone => &name.value,
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [qualifier, name] if qualifier.value == table => &name.value,
            _ => return None,
        },
        _ => return None,
    };
    COLUMNS.contains(&name.as_str()).then_some(name.as_str())
}

fn flipped(operator: &BinaryOperator) -> BinaryOperator {
    match operator {
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        other => other.clone(),
    }
}

fn whole_number(expression: &Expr) -> Option<u64> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}
