//! Which filters are dead, and since when.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use revacnn_analysis::Lifeline;
use revacnn_schemas::{Chart, FilterIdentity, Mark, MarkKind, Step, Table, count, counted};
use revacnn_store::{BranchReader, Selection, StepSpan, StoreError};

use super::super::curve::{Shown, positions};
use super::{FiltersOverTime, Work};
use crate::sources::curves::{Thinned, thin};
use crate::{Context, NotebookError};

/// Points of a curve.
const MOST_POINTS: u64 = 2_000;
/// So many steps are read at a time.
const AT_ONCE: u64 = 512;
/// So many dead filters are named in a note; each has a mark.
const MOST_NAMED: usize = 12;

/// Filters of a branch over some steps.
struct Seen {
    filters: Vec<FilterIdentity>,
    /// `[step][filter]`, `None` where the log does not say.
    dead: Vec<Option<bool>>,
}

impl FiltersOverTime {
    /// How many filters are dead at each step, with a mark where each died that is dead at the end.
    pub(super) fn dead(
        &self,
        context: &mut Context<'_>,
        shown: &Shown,
        longest: u64,
        chart: &mut Chart,
        notes: &mut Vec<String>,
        work: &mut Work,
    ) -> Result<Option<Thinned>, NotebookError> {
        let wanted: Vec<(usize, StepSpan)> = self.parts(shown).collect();
        let lineage = context.sources().lineage_of(&shown.history)?;
        let ids: Vec<_> = lineage.readers().iter().map(|reader| reader.branch().id.clone()).collect();
        let parts = lineage.parts().into_iter().rev();
        // Of the whole history, whatever is shown of it: a filter may have died before.
        let place = |reader: &BranchReader| ids.iter().position(|id| *id == reader.branch().id);
        let parts: Vec<(usize, StepSpan)> = parts.filter_map(|(reader, span)| Some((place(reader)?, span))).collect();
        let lineage_end = parts.last().map(|(_, span)| span.last);
        let (mut points, mut lines) = (Vec::new(), HashMap::<FilterIdentity, Lifeline>::new());
        let (mut places, mut filters) = (HashMap::new(), Vec::new());
        for (place, span) in parts {
            let drawn = wanted.iter().find(|(part, within)| *part == place && span.contains(within.first));
            let at = drawn.map(|(_, span)| positions(context, shown, place, *span, self.x)).transpose()?;
            let mut first = span.first;
            while first <= span.last {
                let some = StepSpan::new(first, Step(span.last.0.min(first.0.saturating_add(AT_ONCE - 1))));
                let Some(Seen { filters: own, dead }) = self.dead_of(context, shown, place, some)? else { break };
                filters = own;
                for (step, of_step) in (some.first.0..=some.last.0).map(Step).zip(dead.chunks(filters.len().max(1))) {
                    for (filter, is_dead) in filters.iter().zip(of_step) {
                        if let Some(is_dead) = is_dead {
                            lines.entry(filter.clone()).or_default().see(step, *is_dead);
                        }
                    }
                    if let Some(((_, within), at)) = drawn.zip(at.as_ref()).filter(|((_, span), _)| span.contains(step))
                    {
                        let x = at[(step.0 - within.first.0) as usize];
                        let known = of_step.iter().any(Option::is_some);
                        let dead = of_step.iter().flatten().filter(|is_dead| **is_dead).count() as f64;
                        let dead = if known { dead } else { f64::NAN };
                        points.push((x, dead, [dead; 2]));
                        places.insert(step, x);
                    }
                }
                work.more(context, if drawn.is_some() { some.steps() as usize } else { 0 })?;
                first = Step(some.last.0 + 1);
            }
        }
        if filters.is_empty() || points.is_empty() {
            return Ok(None);
        }
        // The curve may be of some of the steps, and the words are of all.
        let end = match (self.within, lineage_end) {
            (Some(_), Some(last)) => format!("at step {last}, the last one"),
            _ => "at the last step".to_owned(),
        };
        let mut died: Vec<(Step, &FilterIdentity)> = Vec::new();
        let mut revived = 0;
        for filter in &filters {
            let line = lines.get(filter).copied().unwrap_or_default();
            died.extend(line.dead_since().map(|step| (step, filter)));
            revived += u64::from(line.dead_since().is_none() && line.revivals() > 0);
        }
        died.sort_by_key(|(step, filter)| (*step, filter.number));
        for (step, filter) in &died {
            if let Some(&x) = places.get(step) {
                let text = format!("{}/{} dead", self.layer, filter.number);
                chart.marks.push(Mark { x, text, hue: shown.hue, kind: MarkKind::Event });
            }
        }
        let of = counted(filters.len() as u64, "filter");
        let named = died.iter().take(MOST_NAMED).map(|(step, filter)| format!("{} since step {step}", filter.number));
        let mut named = named.collect::<Vec<_>>().join(", ");
        if died.len() > MOST_NAMED {
            named += &format!(", and {} more", count((died.len() - MOST_NAMED) as u64));
        }
        notes.push(match died.len() {
            0 => format!("{}: none of {of} is dead {end}", shown.name),
            dead => format!("{}: {dead} of {of} dead {end}: {named}", shown.name),
        });
        if revived > 0 {
            notes.push(format!("{}: {} dead for a time, and not {end}", shown.name, counted(revived, "filter")));
        }
        Ok(Some(thin(&points, longest.div_ceil(MOST_POINTS) as usize)))
    }

    /// Which filters of the layer are dead, `[step][filter]`, `None` where the log does not say;
    /// nothing where the branch lacks the layer.
    fn dead_of(
        &self,
        context: &mut Context<'_>,
        shown: &Shown,
        place: usize,
        span: StepSpan,
    ) -> Result<Option<Seen>, NotebookError> {
        let reader = &context.sources().lineage_of(&shown.history)?.readers()[place];
        let own = reader.branch().topology.layers_with_filters().find(|known| known.layer == self.layer);
        let Some(filters) = own.map(|layer| layer.filters.clone()) else { return Ok(None) };
        let selection = Selection { layer: Some(self.layer.clone()), filter: None };
        let batch = match reader.read_columns(Table::Filters, span, &selection, &["zero_share"]) {
            Ok(batch) => batch,
            Err(StoreError::UnknownFilter { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let shares = batch.column(0).as_primitive::<Float32Type>();
        let dead = shares.iter().map(|share| share.map(|share| share == 1.0)).collect();
        Ok(Some(Seen { filters, dead }))
    }
}
