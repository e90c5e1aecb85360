//! What a query asks for, told from its syntax tree before anything is read.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use revacnn_schemas::Table;
use sqlparser::ast::{
    Expr, ObjectName, Query, Select, SetExpr, SetOperator, Statement, TableFactor, TableWithJoins, Visit, Visitor,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserOptions};

use super::bounds::{Bounds, TableUse};
use super::{branches, tables};
use crate::StoreError;

/// The longest query, in bytes: its syntax tree is walked recursively.
const MOST_BYTES: usize = 16 * 1024;

/// The most operators within one another: polars takes some 30 seconds for a
/// sum of 1,000 terms.
const MOST_NESTED: usize = 200;

/// A query that only reads the log.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) uses: Vec<TableUse>,
    /// Whether it uses the table of branches.
    branches: bool,
}

impl Question {
    /// The tables of the log that it uses, each once.
    pub(super) fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<Table> = self.uses.iter().map(|used| used.table).collect();
        tables.sort();
        tables.dedup();
        tables
    }

    /// Whether it can touch rows of these branches alone.
    pub(super) fn is_of(&self, branches: &BTreeSet<&str>) -> bool {
        let known = |names: &Vec<String>| names.iter().all(|name| branches.contains(name.as_str()));
        !self.branches && self.uses.iter().all(|used| used.bounds.branches.as_ref().is_some_and(known))
    }

    /// A line a table with its columns, for who named one that there is not.
    pub(super) fn columns(&self) -> String {
        let own = self.branches.then(|| (branches::NAME, branches::COLUMNS.join(", ")));
        let tables = self.tables().into_iter().map(|table| (table.name(), tables::column_names(table).join(", ")));
        tables.chain(own).map(|(name, columns)| format!("\n  {name} has {columns}")).collect()
    }
}

/// Checks a query and finds the tables that it uses.
///
/// # Errors
/// [`StoreError::Query`] for what is no query, for anything but reading,
/// for functions that read files, and for tables that there are not.
pub(super) fn examine(sql: &str) -> Result<Question, StoreError> {
    let refuse = |reason: String| Err(StoreError::Query { reason });
    if sql.len() > MOST_BYTES {
        return refuse(format!("expected at most {MOST_BYTES} bytes, found {}", sql.len()));
    }
    // As polars parses it afterwards.
    let options = ParserOptions { trailing_commas: true, ..ParserOptions::default() };
    let parsed = Parser::new(&GenericDialect)
        .with_options(options)
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_statements());
    let statements = match parsed {
        Ok(statements) => statements,
        Err(error) => {
            let error = error.to_string();
            let hint = if error.contains("values") { " (the column `values` is written \"values\")" } else { "" };
            return refuse(format!("{}{hint}", error.trim_start_matches("sql parser error: ")));
        }
    };
    let statement = match &statements[..] {
        [statement @ Statement::Query(_)] => statement,
        [_] => {
            let word: String = sql.split_whitespace().next().unwrap_or_default().chars().take(40).collect();
            return refuse(format!(
                "expected SELECT or WITH, found {}: the log is only read here",
                word.to_uppercase()
            ));
        }
        other => return refuse(format!("expected one statement, found {}", other.len())),
    };
    let mut names = CommonTables::default();
    let _ = statement.visit(&mut names);
    if let Some(name) = names.0.iter().find(|name| *name == branches::NAME || Table::from_name(name).is_some()) {
        return refuse(format!("`{name}` is a table of the log: give the query in WITH another name"));
    }
    let mut walk = Walk { common: names.0, uses: Vec::new(), seen: Vec::new(), branches: false, nested: 0 };
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
    Ok(Question { uses: walk.uses, branches: walk.branches })
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
    branches: bool,
    /// How many expressions the walk is in.
    nested: usize,
}

impl Visitor for Walk {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        match (only_reads(&query.body), difference(&query.body)) {
            (true, None) => ControlFlow::Continue(()),
            (true, Some(reason)) => ControlFlow::Break(reason),
            (false, _) => {
                ControlFlow::Break("expected SELECT inside of the query: the log is only read here".to_owned())
            }
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        self.nested += 1;
        match (self.nested, not_understood(expression)) {
            (..=MOST_NESTED, None) => ControlFlow::Continue(()),
            (..=MOST_NESTED, Some(reason)) => ControlFlow::Break(reason),
            _ => ControlFlow::Break(format!("expected at most {MOST_NESTED} operators within one another, found more")),
        }
    }

    fn post_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        self.nested -= 1;
        match expression {
            // What is refused within it comes first.
            Expr::Subquery(_) => ControlFlow::Break(
                "this SQL has a subquery only in FROM, in a join and after IN: join with it, as in FROM steps CROSS \
                 JOIN (SELECT AVG(loss) AS mean FROM steps) AS other"
                    .to_owned(),
            ),
            _ => ControlFlow::Continue(()),
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
            let bounds =
                select.selection.as_ref().map_or_else(Bounds::none, |condition| Bounds::of(condition, known, alone));
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
            Some(name) if self.common.iter().any(|known| known == name) => {}
            Some(branches::NAME) => self.branches = true,
            Some(name) if Table::from_name(name).is_some() => self.seen.extend(Table::from_name(name)),
            _ => return ControlFlow::Break(format!("there is no table `{relation}`; {}", known_tables())),
        }
        ControlFlow::Continue(())
    }
}

/// How to write otherwise what the query engine does not know: it has words of its
/// own for it, which help nobody.
fn not_understood(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Exists { negated, .. } => {
            let not = if *negated { "NOT " } else { "" };
            Some(format!(
                "this SQL has no {not}EXISTS: compare a column instead, as in WHERE step {not}IN (SELECT step FROM …)"
            ))
        }
        Expr::Function(function) => match function.name.to_string().to_ascii_uppercase().as_str() {
            name @ ("RANK" | "DENSE_RANK" | "PERCENT_RANK" | "CUME_DIST" | "NTILE") => Some(format!(
                "this SQL has no {name}: order the rows instead, as in ORDER BY loss LIMIT 10, or number them by \
                 ROW_NUMBER() OVER (ORDER BY loss), which gives equal ones different numbers"
            )),
            _ => None,
        },
        Expr::Rollup(_) => Some(instead_of("ROLLUP")),
        Expr::Cube(_) => Some(instead_of("CUBE")),
        Expr::GroupingSets(_) => Some(instead_of("GROUPING SETS")),
        _ => None,
    }
}

fn instead_of(sets: &str) -> String {
    format!("this SQL has no {sets}: join several GROUP BY by UNION ALL instead")
}

/// The same, of what is between two queries.
fn difference(body: &SetExpr) -> Option<String> {
    let SetExpr::SetOperation { op, left, right, .. } = body else { return None };
    match op {
        SetOperator::Except | SetOperator::Minus => Some(format!(
            "this SQL has no {op}: compare a column instead, as in WHERE step NOT IN (SELECT step FROM …)"
        )),
        SetOperator::Intersect => {
            Some(format!("this SQL has no {op}: compare a column instead, as in WHERE step IN (SELECT step FROM …)"))
        }
        SetOperator::Union => difference(left).or_else(|| difference(right)),
    }
}

fn known_tables() -> String {
    let names: Vec<&str> = Table::ALL.into_iter().map(Table::name).collect();
    format!("there is {}, {}", names.join(", "), branches::NAME)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(sql: &str) -> (u64, u64, Option<Vec<String>>) {
        let mut uses = examine(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).uses;
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
            examine(sql).expect("a query").uses.iter().map(|used| (used.bounds.first.0, used.bounds.last.0)).collect();
        assert_eq!(spans, [(1, 1), (0, 2)]);
        let nested = "SELECT step FROM steps WHERE step IN (SELECT step FROM validation WHERE step > 5)";
        let uses = examine(nested).expect("a query").uses;
        assert_eq!(uses.iter().map(|used| used.bounds.first.0).collect::<Vec<_>>(), [0, 6]);
    }

    #[test]
    fn what_does_not_only_read_the_log_is_refused() {
        for (sql, says) in [
            ("SELEC 1", "Expected: an SQL statement"),
            ("SELECT step, values FROM weights", "is written \"values\""),
            ("SELECT 1; SELECT 2", "expected one statement, found 2"),
            ("", "expected one statement, found 0"),
            ("DROP TABLE steps", "found DROP"),
            ("CREATE TABLE x AS SELECT * FROM steps", "found CREATE"),
            ("INSERT INTO steps VALUES (1)", "found INSERT"),
            ("DELETE FROM steps", "found DELETE"),
            ("TRUNCATE TABLE steps", "found TRUNCATE"),
            ("EXPLAIN SELECT * FROM steps", "found EXPLAIN"),
            ("SHOW TABLES", "found SHOW"),
            ("COPY steps TO 'x.csv'", "found COPY"),
            ("SELECT * INTO x FROM steps", "SELECT INTO is refused"),
            ("SELECT * FROM read_parquet('/etc/passwd')", "table function `read_parquet` is refused"),
            ("SELECT * FROM steps JOIN read_csv('x') ON true", "table function `read_csv` is refused"),
            ("SELECT (SELECT 1 FROM read_json('x'))", "table function `read_json` is refused"),
            ("WITH x AS (SELECT * FROM read_ipc('x')) SELECT * FROM x", "table function `read_ipc` is refused"),
            ("SELECT step FROM steps a WHERE EXISTS (SELECT 1 FROM validation b)", "this SQL has no EXISTS: compare"),
            ("SELECT step FROM steps EXCEPT SELECT step FROM validation", "step NOT IN (SELECT step FROM"),
            ("SELECT step FROM steps INTERSECT SELECT step FROM validation", "WHERE step IN (SELECT step FROM"),
            ("SELECT step FROM steps WHERE loss > (SELECT AVG(loss) FROM steps)", "a subquery only in FROM, in a join"),
            ("SELECT step FROM steps WHERE loss > ANY (SELECT loss FROM steps)", "a subquery only in FROM, in a join"),
            ("SELECT branch, COUNT(*) FROM steps GROUP BY ROLLUP(branch)", "this SQL has no ROLLUP: join several"),
            ("SELECT branch, COUNT(*) FROM steps GROUP BY GROUPING SETS ((branch), ())", "no GROUPING SETS: join"),
            ("SELECT rank() OVER (ORDER BY loss) FROM steps", "this SQL has no RANK: order the rows"),
            ("SELECT * FROM nope", "there is no table `nope`; there is steps, weights"),
            ("SELECT * FROM main.steps", "there is no table `main.steps`"),
            ("WITH steps AS (SELECT 1) SELECT * FROM steps", "give the query in WITH another name"),
        ] {
            let error = examine(sql).expect_err(sql).to_string();
            assert!(error.contains(says), "{sql}: `{says}` is not in {error}");
        }
    }
}
