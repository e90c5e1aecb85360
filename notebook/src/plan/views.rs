//! What views ask of trainings: whether these will have such steps, layers, filters,
//! images and numbers, told before anything is trained.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use revacnn_schemas::{Address, BranchName, FilterNumber, LayerName, LayerTopology, Position, Step};
use revacnn_store::StepSpan;
use revacnn_trainer::require_classes;

use super::node::Shape;
use super::{Place, Plan};
use crate::command::{Command, Control, ImageOption};
use crate::document::{Document, Line, Problem};
use crate::error::once_each;
use crate::program::{Filled, Program, Says, View};

impl Plan {
    /// What is wrong with the cursors and the views of a program, told from what its
    /// trainings will be. What only a training can tell is no problem.
    pub(super) fn check_views(&self, document: &Document, program: &Program, place: Place<'_>) -> Vec<Problem> {
        let line_at = |range: &Range<usize>| document.lines().find(|line| line.range == *range);
        let mut problems = Vec::new();
        let mut stands = BTreeMap::new();
        for (range, cursor) in &program.cursors {
            let known = self.step_of(program, &cursor.at, place);
            let step = known.unwrap_or_else(|message| {
                problems.extend(line_at(range).map(|line| Problem::new(address_in(line, &cursor.at), message)));
                None
            });
            stands.insert(cursor.name.clone(), step.unwrap_or_default().0.to_string());
        }
        for view in &program.views {
            match &view.says {
                Says::Query { sql, .. } => problems.extend(check_query(document, view, sql, program, &stands)),
                Says::Line(_) => {
                    let Some(line) = line_at(&view.range) else { continue };
                    let found = values(program, view, &stands).into_iter();
                    // One problem a line: what is wrong at several values is so for one reason.
                    problems.extend(
                        found
                            .filter_map(|values| self.check_view(program, line, view, (&values, &stands), place))
                            .next(),
                    );
                }
            }
        }
        problems
    }

    /// What is wrong with a view at some values.
    fn check_view(
        &self,
        program: &Program,
        line: &Line,
        view: &View,
        (values, stands): (&BTreeMap<String, String>, &BTreeMap<String, String>),
        place: Place<'_>,
    ) -> Option<Problem> {
        let span = |branch: &BranchName| {
            let node = &self.nodes[*program.members(branch.as_str()).first()?];
            Some(StepSpan::new(Step(0), node.until?))
        };
        let command = match program.filled(view, values, &span) {
            Ok(Filled::Line(command)) => command,
            Ok(_) => return None,
            // At the values that it begins with it is told by the program.
            Err(miswritten) if *values != first(program, stands) => {
                return Some(Problem::new(input_in(line), miswritten.message));
            }
            Err(_) => return None,
        };
        for address in command.addresses() {
            if let Err(message) = self.step_of(program, &address, place) {
                return Some(Problem::new(address_in(line, &address), message));
            }
        }
        let follows = program.cursors.iter().any(|(_, cursor)| view.uses.contains(&cursor.name));
        if let Some((layer, filter)) = command.layer()
            && let Some(problem) = self.check_layer(program, line, (&command, layer, filter), follows, place)
        {
            return Some(problem);
        }
        if let Some(problem) = self.check_kind(program, line, &command) {
            return Some(problem);
        }
        for image in command.images() {
            let image = match image {
                ImageOption::Number(image) => *image,
                ImageOption::File(path) => match self.inputs.picture(path) {
                    Ok(_) => continue,
                    Err(message) => return Some(Problem::new(word_of(line, &image.to_string()), message)),
                },
            };
            for at in shown(program, &command) {
                let Some(shape) = &self.nodes[at].shape else { continue };
                let (images, name) = (shape.dataset.train().len(), &program.trainings[at].name);
                if image >= images {
                    let message = format!("`{name}` trains on {images} images, numbered from 0: found {image}");
                    return Some(Problem::new(word_of(line, &image.to_string()), message));
                }
            }
        }
        let quantity = command.quantity()?;
        // What it was trained with before a fork is in its curve.
        let all = shown(program, &command).into_iter().flat_map(|at| self.past(at));
        let known = all.filter_map(|at| self.nodes[at].shape.as_ref());
        let known: Vec<_> = known.flat_map(|shape| shape.definition.optimizer.parameters.keys()).collect();
        // Of branches that are not known any name may be one.
        if known.is_empty() {
            return None;
        }
        let refused = quantity.check(known.into_iter().map(String::as_str)).err()?;
        Some(Problem::new(word_of(line, quantity.asked), refused.to_string()))
    }

    /// What a view shows that networks of its branches do not have, or that cannot be compared.
    fn check_kind(&self, program: &Program, line: &Line, command: &Command) -> Option<Problem> {
        let all = shown(program, command);
        let shapes = all.iter().map(|&at| (&program.trainings[at].name, self.nodes[at].shape.as_ref()));
        let known = shapes.filter_map(|(name, shape)| Some((name, shape.map(Arc::as_ref)?)));
        let known: Vec<(&BranchName, &Shape)> = known.collect();
        let (name, first) = known.first()?;
        let whole = |message: String| Some(Problem::new(line.range.clone(), message));
        if command.needs_layer() && command.layer().is_none() {
            let layers: Vec<&LayerTopology> = match command.is_of_maps() {
                true => first.topology.blocks().collect(),
                false => first.topology.layers_with_filters().collect(),
            };
            let layers = once_each(layers.into_iter().map(|layer| layer.layer.to_string()));
            return whole(format!("expected --layer with one of {layers}"));
        }
        if let Some((what, instead)) = command.of_classes() {
            let refused = |(_, shape): &(&BranchName, &Shape)| {
                require_classes(&shape.definition.network, what, instead).err().map(|error| error.to_string())
            };
            if let Some(message) = known.iter().find_map(refused) {
                return whole(message);
            }
        }
        let data = |shape: &Shape| shape.definition.dataset.digest;
        let (other, _) = known.iter().find(|(_, shape)| command.compares_images() && data(shape) != data(first))?;
        whole(format!("`{other}` is of other data than `{name}`, and images are compared one by one"))
    }

    /// What is wrong with a layer, and with one of its filters.
    fn check_layer(
        &self,
        program: &Program,
        line: &Line,
        (command, layer, filter): (&Command, &LayerName, Option<FilterNumber>),
        follows: bool,
        place: Place<'_>,
    ) -> Option<Problem> {
        // Of a step the branch that holds it must have the layer; of a curve, or where the
        // step moves, some branch of its past.
        let mut all: Vec<(BranchName, Vec<usize>)> = Vec::new();
        for address in command.addresses() {
            let &at = program.members(address.branch.as_str()).first()?;
            let holder = match self.step_of(program, &address, place) {
                Ok(Some(step)) if !follows && !command.is_of_histories() => vec![self.holder(at, step)],
                Ok(_) if command.is_of_last() => vec![at],
                _ => self.past(at),
            };
            all.push((address.branch, holder));
        }
        for at in command.families().iter().flat_map(|family| program.members(family.as_str())) {
            let past = if command.is_of_last() { vec![at] } else { self.past(at) };
            all.push((program.trainings[at].name.clone(), past));
        }
        let layers = |at: &usize| -> Option<Vec<&LayerTopology>> {
            let topology = &self.nodes[*at].shape.as_ref()?.topology;
            Some(topology.layers_with_filters().filter(|layer| !command.is_of_maps() || layer.map.is_some()).collect())
        };
        let mut problem = None;
        for (name, holders) in &all {
            let known: Vec<&LayerTopology> = holders.iter().map(layers).collect::<Option<Vec<_>>>()?.concat();
            let own: Vec<_> = known.iter().filter(|known| known.layer == *layer).collect();
            let numbers: BTreeSet<_> = own.iter().flat_map(|own| &own.filters).map(|filter| filter.number).collect();
            let (word, message) = match filter {
                _ if own.is_empty() => {
                    let known = once_each(known.iter().map(|known| known.layer.to_string()));
                    (
                        layer.to_string(),
                        format!("branch `{name}` has no layer `{layer}` with filters: there is {known}"),
                    )
                }
                Some(filter) if !numbers.contains(&filter) => {
                    let known = once_each(numbers.iter().map(ToString::to_string));
                    let message = format!("{layer} has no filter {filter} in branch `{name}`: there is {known}");
                    (filter.to_string(), message)
                }
                // A chart of several branches says which of them lack it.
                _ if command.is_of_histories() && !command.is_of_last() => return None,
                _ => continue,
            };
            problem.get_or_insert_with(|| Problem::new(word_of(line, &word), message));
        }
        problem
    }

    /// The step of an address; `None` where that is not known before it is trained.
    ///
    /// # Errors
    /// Where its branch will have no such step.
    fn step_of(&self, program: &Program, address: &Address, place: Place<'_>) -> Result<Option<Step>, String> {
        let Some(&at) = program.members(address.branch.as_str()).first() else { return Ok(None) };
        match self.held(place, at, address.position) {
            Ok((_, step)) => Ok(step),
            Err(None) => Ok(None),
            // Of a branch without validations that may come.
            Err(Some(_)) if address.position == Position::Best => Ok(None),
            Err(Some(message)) => Err(message),
        }
    }

    /// A training and those that it was forked from.
    fn past(&self, training: usize) -> Vec<usize> {
        std::iter::successors(Some(training), |at| self.nodes[*at].parent).collect()
    }
}

/// The trainings that a view shows.
fn shown(program: &Program, command: &Command) -> Vec<usize> {
    let single = command.addresses().into_iter().map(|address| address.branch);
    single.chain(command.families()).flat_map(|name| program.members(name.as_str())).collect()
}

/// The values that a view begins with.
fn first(program: &Program, stands: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let inputs = program.inputs.iter().map(|(_, input, _)| (input.name.clone(), input.value.clone()));
    stands.clone().into_iter().chain(inputs).collect()
}

/// The word of a line that follows an input; else the line.
fn input_in(line: &Line) -> Range<usize> {
    let word = line.words.iter().skip(1).find(|word| word.text.contains('$'));
    word.map_or(line.range.clone(), |word| word.range.clone())
}

/// The values at which a view is looked at: those that it begins with, and then each input
/// that it follows at each choice, or at both ends.
fn values(program: &Program, view: &View, stands: &BTreeMap<String, String>) -> Vec<BTreeMap<String, String>> {
    let first = first(program, stands);
    let mut all = vec![first.clone()];
    for (_, input, control) in program.inputs.iter().filter(|(_, input, _)| view.uses.contains(&input.name)) {
        let choices = match control {
            Control::Choices(choices) => choices.clone(),
            Control::Range(low, high) => vec![low.to_string(), high.to_string()],
            Control::Toggle => vec!["off".to_owned(), "on".to_owned()],
        };
        for choice in choices {
            let mut values = first.clone();
            values.insert(input.name.clone(), choice);
            all.push(values);
        }
    }
    all
}

/// The word that says a value, by itself, behind an option or through an input; else the line.
fn word_of(line: &Line, value: &str) -> Range<usize> {
    let says = |text: &str| text == value || text.ends_with(&format!("={value}"));
    let word = line.words.iter().skip(1).find(|word| says(&word.text));
    let follows = || {
        let mut words = line.words.iter().skip(1);
        words.find(|word| word.text.starts_with('$') || word.text.contains("=$"))
    };
    word.or_else(follows).map_or(line.range.clone(), |word| word.range.clone())
}

/// The word of an address; else the line.
fn address_in(line: &Line, address: &Address) -> Range<usize> {
    let name = address.branch.as_str();
    let mut words = line.words.iter().skip(1);
    let exact = line.words.iter().skip(1).find(|word| word.text == address.to_string());
    let word = exact.or_else(|| words.find(|word| word.text.split('@').next() == Some(name)));
    word.map_or(line.range.clone(), |word| word.range.clone())
}

/// What is wrong with a query: a table, a column or a function that there is not.
#[cfg(feature = "sql")]
fn check_query(
    document: &Document,
    view: &View,
    sql: &str,
    program: &Program,
    stands: &BTreeMap<String, String>,
) -> Option<Problem> {
    let values = values(program, view, stands).into_iter().next()?;
    let sql_at_first = revacnn_store::sql::filled(sql, &values).ok()?;
    let error = revacnn_store::sql::check(&sql_at_first).err()?;
    let body = match &document.blocks()[view.block].kind {
        crate::document::BlockKind::Sql { body, .. } => body.clone(),
        _ => view.range.clone(),
    };
    Some(Problem::new(body, error.to_string()))
}

/// Without SQL a query is not looked into.
#[cfg(not(feature = "sql"))]
fn check_query(_: &Document, _: &View, _: &str, _: &Program, _: &BTreeMap<String, String>) -> Option<Problem> {
    None
}
