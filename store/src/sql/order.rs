//! Rows in one order: the same query of the same log has the same answer, row by row.
//!
//! The engine is free to order groups, rows of equal sort keys and joined rows as its
//! threads finish. Here groups come in the order of their first row, equal rows of a sort
//! stay as they were, and joined rows follow the left table and then the right one.

use std::sync::Arc;

use polars::prelude::{DslPlan, LazyFrame, MaintainOrderJoin};

/// A query whose operators keep the order of their input.
pub(super) fn kept(mut frame: LazyFrame) -> LazyFrame {
    frame.logical_plan = ordered(frame.logical_plan);
    frame
}

fn ordered(plan: DslPlan) -> DslPlan {
    match plan {
        DslPlan::Filter { input, predicate } => DslPlan::Filter { input: below(input), predicate },
        DslPlan::Cache { input, id } => DslPlan::Cache { input: below(input), id },
        DslPlan::Select { expr, input, options } => DslPlan::Select { expr, input: below(input), options },
        DslPlan::HStack { input, exprs, options } => DslPlan::HStack { input: below(input), exprs, options },
        DslPlan::Slice { input, offset, len } => DslPlan::Slice { input: below(input), offset, len },
        DslPlan::MapFunction { input, function } => DslPlan::MapFunction { input: below(input), function },
        DslPlan::GroupBy { input, keys, predicates, aggs, options, apply, .. } => {
            DslPlan::GroupBy { input: below(input), keys, predicates, aggs, maintain_order: true, options, apply }
        }
        DslPlan::Join { input_left, input_right, left_on, right_on, predicates, options } => {
            let mut options = Arc::unwrap_or_clone(options);
            options.args.maintain_order = MaintainOrderJoin::LeftRight;
            DslPlan::Join {
                input_left: below(input_left),
                input_right: below(input_right),
                left_on,
                right_on,
                predicates,
                options: Arc::new(options),
            }
        }
        DslPlan::Distinct { input, mut options } => {
            options.maintain_order = true;
            DslPlan::Distinct { input: below(input), options }
        }
        DslPlan::Sort { input, by_column, slice, mut sort_options } => {
            sort_options.maintain_order = true;
            DslPlan::Sort { input: below(input), by_column, slice, sort_options }
        }
        DslPlan::Union { inputs, mut args } => {
            args.maintain_order = true;
            DslPlan::Union { inputs: inputs.into_iter().map(ordered).collect(), args }
        }
        DslPlan::HConcat { inputs, options } => {
            DslPlan::HConcat { inputs: inputs.into_iter().map(ordered).collect(), options }
        }
        DslPlan::ExtContext { input, contexts } => {
            DslPlan::ExtContext { input: below(input), contexts: contexts.into_iter().map(ordered).collect() }
        }
        // What was translated already is translated again.
        DslPlan::IR { dsl, .. } => ordered(Arc::unwrap_or_clone(dsl)),
        other => other,
    }
}

fn below(plan: Arc<DslPlan>) -> Arc<DslPlan> {
    Arc::new(ordered(Arc::unwrap_or_clone(plan)))
}
