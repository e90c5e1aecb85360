//! What a query asks for, told from its syntax tree before anything is read.

use std::ops::ControlFlow;

use revacnn_schemas::{Step, Table};
use sqlparser::ast::{
    BinaryOperator, Expr, ObjectName, Query, Select, SetExpr, Statement, TableFactor, TableWithJoins, Value, Visit,
    Visitor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use crate::RecorderError;

/// The table of branches, which has no files.
pub(super) const BRANCHES: &str = "branches";

/// One use of a table, and the rows that it can touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableUse {
    pub(super) table: Table,
    pub(super) bounds: Bounds,
}

/// What the conditions that hold for every row of a use say of `step`,
/// `branch` and `recorded_in`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bounds {
    /// First and last step; none where the first is past the last.
    pub(super) first: Step,
    pub(super) last: Step,
    pub(super) branches: Option<Vec<String>>,
    pub(super) holders: Option<Vec<String>>,
}

impl Bounds {
    fn none() -> Self {
        Self { first: Step(0), last: Step(u64::MAX), branches: None, holders: None }
    }

    /// Whether rows of a branch, recorded in another one, can be touched.
    pub(super) fn admits(&self, branch: &str, holder: &str) -> bool {
        let within = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|known| known == name))
        };
        within(&self.branches, branch) && within(&self.holders, holder)
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
            Expr::InList { expr, list, negated: false } => match column(expr) {
                Some("step") => {
                    let steps: Option<Vec<u64>> = list.iter().map(whole_number).collect();
                    if let Some((low, high)) = steps.and_then(|all| Some((*all.iter().min()?, *all.iter().max()?))) {
                        self.first = self.first.max(Step(low));
                        self.last = self.last.min(Step(high));
                    }
                }
                Some(name) => {
                    if let Some(names) = list.iter().map(text).collect::<Option<Vec<_>>>() {
                        self.one_of(name, names);
                    }
                }
                None => {}
            },
            _ => {}
        }
    }

    fn compare(&mut self, column: &str, operator: &BinaryOperator, value: &Expr) {
        if column != "step" {
            if let (BinaryOperator::Eq, Some(name)) = (operator, text(value)) {
                self.one_of(column, vec![name]);
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

    fn one_of(&mut self, column: &str, names: Vec<String>) {
        let known = if column == "branch" { &mut self.branches } else { &mut self.holders };
        *known = Some(match known.take() {
            None => names,
            Some(before) => before.into_iter().filter(|name| names.contains(name)).collect(),
        });
    }
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

/// Checks a query and finds the tables that it uses.
///
/// # Errors
/// [`RecorderError::Query`] for what is no query, for anything but reading,
/// for functions that read files, and for tables that there are not.
pub(super) fn examine(sql: &str) -> Result<Vec<TableUse>, RecorderError> {
    let refuse = |reason: String| Err(RecorderError::Query { reason });
    // As polars parses it afterwards.
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let parsed = Parser::new(&GenericDialect)
        .with_options(options)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements());
    let statements = match parsed {
        Ok(statements) => statements,
        Err(error) => return refuse(error.to_string()),
    };
    let [statement] = &statements[..] else {
        return refuse(format!("expected one statement, found {}", statements.len()));
    };
    if !reads(statement) {
        let words: Vec<&str> = sql.split_whitespace().take(1).collect();
        return refuse(format!(
            "expected SELECT, WITH, EXPLAIN or SHOW TABLES, found {}: the log is only read here",
            words.join(" ").to_uppercase().chars().take(40).collect::<String>()
        ));
    }
    let mut names = CommonTables::default();
    let _ = statement.visit(&mut names);
    if let Some(name) = names.0.iter().find(|name| is_table(name)) {
        return refuse(format!("`{name}` is a table of the log: give the query in WITH another name"));
    }
    let mut walk = Walk { common: names.0, uses: Vec::new(), seen: Vec::new() };
    if let ControlFlow::Break(reason) = statement.visit(&mut walk) {
        return refuse(reason);
    }
    // A use in a place that the walk does not know has no bounds.
    for &table in &walk.seen {
        let count = |tables: &mut dyn Iterator<Item = Table>| tables.filter(|&other| other == table).count();
        if count(&mut walk.seen.iter().copied()) > count(&mut walk.uses.iter().map(|used| used.table)) {
            walk.uses.push(TableUse { table, bounds: Bounds::none() });
        }
    }
    Ok(walk.uses)
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Query(_) | Statement::ShowTables { .. } => true,
        Statement::Explain { statement, analyze: false, .. } => matches!(**statement, Statement::Query(_)),
        _ => false,
    }
}

fn is_table(name: &str) -> bool {
    name == BRANCHES || Table::from_name(name).is_some()
}

/// The one part of a table's name; names with more are none of ours.
fn plain(name: &ObjectName) -> Option<&str> {
    match &name.0[..] {
        [part] => part.as_ident().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

/// Names that WITH gives.
#[derive(Default)]
struct CommonTables(Vec<String>);

impl Visitor for CommonTables {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.0.extend(tables.map(|table| table.alias.name.value.clone()));
        ControlFlow::Continue(())
    }
}

struct Walk {
    common: Vec<String>,
    uses: Vec<TableUse>,
    seen: Vec<Table>,
}

impl Visitor for Walk {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        match only_reads(&query.body) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break("expected SELECT inside of the query: the log is only read here".to_owned()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        if select.into.is_some() {
            return ControlFlow::Break("SELECT INTO is refused: the log is only read here".to_owned());
        }
        let mut factors = Vec::new();
        select.from.iter().for_each(|from| add_factors(from, &mut factors));
        let alone = factors.len() == 1;
        for factor in &factors {
            let TableFactor::Table { name, alias, .. } = factor else { continue };
            let Some(table) = plain(name).and_then(Table::from_name) else { continue };
            let known = alias.as_ref().map_or(table.name(), |alias| alias.name.value.as_str());
            let mut bounds = Bounds::none();
            if let Some(condition) = &select.selection {
                bounds.narrow(condition, &|expression| column(expression, known, alone));
            }
            self.uses.push(TableUse { table, bounds });
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        let function = match factor {
            TableFactor::Table { name, args: Some(_), .. } => name.to_string(),
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => return ControlFlow::Continue(()),
            TableFactor::Function { name, .. } => name.to_string(),
            other => other.to_string().chars().take(60).collect(),
        };
        ControlFlow::Break(format!(
            "the table function `{function}` is refused: a query reads the log alone; {}",
            known_tables()
        ))
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
        match plain(relation) {
            Some(name) if self.common.iter().any(|known| known == name) || name == BRANCHES => {}
            Some(name) if Table::from_name(name).is_some() => self.seen.extend(Table::from_name(name)),
            _ => return ControlFlow::Break(format!("there is no table `{relation}`; {}", known_tables())),
        }
        ControlFlow::Continue(())
    }
}

fn known_tables() -> String {
    let names: Vec<&str> = Table::ALL.into_iter().map(Table::name).collect();
    format!("there is {}, {BRANCHES}", names.join(", "))
}

fn only_reads(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
        SetExpr::SetOperation { left, right, .. } => only_reads(left) && only_reads(right),
        _ => false,
    }
}

fn add_factors<'a>(from: &'a TableWithJoins, factors: &mut Vec<&'a TableFactor>) {
    for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => add_factors(table_with_joins, factors),
            factor => factors.push(factor),
        }
    }
}

/// The name of a column that bounds are taken from, if it is the table's:
/// without the table's name only where the query has no other table.
fn column<'a>(expression: &'a Expr, table: &str, alone: bool) -> Option<&'a str> {
    let name = match expression {
        Expr::Identifier(name) if alone => &name.value,
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [qualifier, name] if qualifier.value == table => &name.value,
            _ => return None,
        },
        _ => return None,
    };
    ["step", "branch", "recorded_in"].contains(&name.as_str()).then_some(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(sql: &str) -> (u64, u64, Option<Vec<String>>) {
        let mut uses = examine(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(uses.len(), 1, "{sql}");
        let bounds = uses.remove(0).bounds;
        (bounds.first.0, bounds.last.0, bounds.branches)
    }

    #[test]
    fn bounds_are_those_that_hold_for_every_row() {
        let all = u64::MAX;
        for (condition, first, last) in [
            ("step = 7", 7, 7),
            ("7 = step AND layer = 'conv1'", 7, 7),
            ("(step > 7) AND (step < 9 AND bias > 0)", 8, 8),
            ("step BETWEEN 3 AND 5", 3, 5),
            ("10 >= step", 0, 10),
            ("step IN (9, 4, 6)", 4, 9),
            ("weights.step = 3", 3, 3),
            ("step < 0", 1, 0),
            ("step = 7 OR step = 9", 0, all),
            ("NOT step = 7", 0, all),
            ("step NOT BETWEEN 3 AND 5", 0, all),
            ("step + 1 = 7", 0, all),
            ("other.step = 3", 0, all),
            ("step = 1.5", 0, all),
        ] {
            let found = bounds(&format!("SELECT * FROM weights WHERE {condition}"));
            assert_eq!((found.0, found.1), (first, last), "{condition}");
        }
        let named = bounds("SELECT * FROM weights AS w WHERE w.branch IN ('a', 'b') AND w.branch = 'b'");
        assert_eq!(named.2, Some(vec!["b".to_owned()]));
    }

    #[test]
    fn each_use_of_a_table_has_bounds_of_its_own() {
        let sql = "SELECT * FROM steps a JOIN steps b ON a.step = b.step WHERE a.step = 1 AND b.step < 3 AND step = 9";
        let spans: Vec<(u64, u64)> =
            examine(sql).expect("a query").iter().map(|used| (used.bounds.first.0, used.bounds.last.0)).collect();
        assert_eq!(spans, [(1, 1), (0, 2)]);
        let nested = "SELECT step FROM steps WHERE step IN (SELECT step FROM validation WHERE step > 5)";
        let uses = examine(nested).expect("a query");
        assert_eq!(uses.iter().map(|used| used.bounds.first.0).collect::<Vec<_>>(), [0, 6]);
    }

    #[test]
    fn what_does_not_only_read_the_log_is_refused() {
        for (sql, says) in [
            ("SELEC 1", "Expected: an SQL statement"),
            ("SELECT 1; SELECT 2", "expected one statement, found 2"),
            ("", "expected one statement, found 0"),
            ("DROP TABLE steps", "found DROP"),
            ("CREATE TABLE x AS SELECT * FROM steps", "found CREATE"),
            ("INSERT INTO steps VALUES (1)", "found INSERT"),
            ("DELETE FROM steps", "found DELETE"),
            ("TRUNCATE TABLE steps", "found TRUNCATE"),
            ("EXPLAIN DROP TABLE steps", "found EXPLAIN"),
            ("SELECT * INTO x FROM steps", "SELECT INTO is refused"),
            ("SELECT * FROM read_parquet('/etc/passwd')", "table function `read_parquet` is refused"),
            ("SELECT * FROM steps JOIN read_csv('x') ON true", "table function `read_csv` is refused"),
            ("SELECT (SELECT 1 FROM read_json('x'))", "table function `read_json` is refused"),
            ("WITH x AS (SELECT * FROM read_ipc('x')) SELECT * FROM x", "table function `read_ipc` is refused"),
            ("SELECT * FROM nope", "there is no table `nope`; there is steps, weights"),
            ("SELECT * FROM main.steps", "there is no table `main.steps`"),
            ("WITH steps AS (SELECT 1) SELECT * FROM steps", "give the query in WITH another name"),
        ] {
            let error = examine(sql).expect_err(sql).to_string();
            assert!(error.contains(says), "{sql}: `{says}` is not in {error}");
        }
    }
}
