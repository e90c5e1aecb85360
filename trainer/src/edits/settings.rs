//! Hyper-parameters.

use std::fmt::Display;

use revacnn_schemas::{OptimizerSpec, Schedule, ScheduleSpec, Setting, written};
use serde_json::Value;

use super::draft::Draft;
use super::outcome::{Done, Refusal, Source};
use crate::define::check_batch_size;
use crate::{COMMON_PARAMETERS, Trainer, TrainerError, optimizers};

/// Changes a hyper-parameter. A value that it has already is refused where a
/// person asks for it; what is recorded is done again.
pub(super) fn set(trainer: &Trainer, draft: &mut Draft, setting: &Setting, source: Source) -> Result<Done, Refusal> {
    match setting {
        Setting::HyperParameter { name, value } => of_optimizer(draft, name, *value, source),
        Setting::BatchSize(value) => {
            let images = &draft.definition.images;
            let all = trainer.dataset().train_indices().len();
            check_batch_size(*value, all - images.dropped.len() as usize)?;
            refuse_same(draft.definition.batch_size == *value, "batch-size", value, source)?;
            let before = std::mem::replace(&mut draft.definition.batch_size, *value);
            Ok(Done::new(format!("batch-size {before} → {value}")))
        }
        Setting::Optimizer(spec) => optimizer(draft, spec, source),
        Setting::Schedule(schedule) => set_schedule(draft, schedule, source),
    }
}

/// Refuses to set what is so already.
pub(super) fn refuse_same(same: bool, what: &str, value: &dyn Display, source: Source) -> Result<(), Refusal> {
    if same && source == Source::Asked {
        return Err(Refusal::Reason(format!("{what} is {value} already: without this edit the fork is the same")));
    }
    Ok(())
}

/// Changes a hyper-parameter of the optimizer at hand; its memory stays.
fn of_optimizer(draft: &mut Draft, parameter: &str, value: f64, source: Source) -> Result<Done, Refusal> {
    let name = parameter.replace('_', "-");
    let mut spec = draft.definition.optimizer.clone();
    // What every optimizer has is not written where it is 0.
    let unwritten = COMMON_PARAMETERS.contains(&parameter).then(|| Value::from(0.0));
    let Some(before) = spec.parameters.get(parameter).cloned().or(unwritten) else {
        let others = COMMON_PARAMETERS.iter().filter(|name| !spec.parameters.contains_key(**name)).copied();
        let known: Vec<String> =
            spec.parameters.keys().map(String::as_str).chain(others).map(|name| name.replace('_', "-")).collect();
        return Err(Refusal::Reason(format!("the optimizer {} has no {name}; it has {}", spec.kind, known.join(", "))));
    };
    if !value.is_finite() {
        return Err(Refusal::Reason(format!("{name} must be a finite number, found {value}")));
    }
    spec.parameters.insert(parameter.to_owned(), value.into());
    let spec = resolved(&spec, source)?;
    let number = |value: &Value| value.as_f64().map_or_else(|| value.to_string(), written);
    let after = written(value);
    let same = before.as_f64().is_some_and(|before| before as f32 == value as f32);
    refuse_same(same, &name, &after, source)?;
    draft.definition.optimizer = spec;
    Ok(Done::new(format!("{name} {} → {after}", number(&before))))
}

/// An optimizer with every default written out. What is recorded may have values
/// that nobody may ask for any more.
fn resolved(spec: &OptimizerSpec, source: Source) -> Result<OptimizerSpec, TrainerError> {
    match source {
        Source::Asked => optimizers::resolve_optimizer(spec),
        Source::Recorded => optimizers::build(spec).map(|built| built.resolved),
    }
}

/// Changes the optimizer: its slots are zeros and it counts updates from 0.
fn optimizer(draft: &mut Draft, spec: &OptimizerSpec, source: Source) -> Result<Done, Refusal> {
    let spec = resolved(spec, source)?;
    let slots = optimizers::optimizer_slots(&spec)?;
    for state in draft.parameters.iter_mut().flatten() {
        state.weight_slots = vec![vec![0.0; state.weights.len()]; slots];
        state.bias_slots = vec![vec![0.0; state.biases.len()]; slots];
    }
    draft.rest.optimizer_updates = 0;
    let before = std::mem::replace(&mut draft.definition.optimizer, spec);
    Ok(Done::new(format!("optimizer {before} → {}; its memory begins at zero", draft.definition.optimizer)))
}

/// Changes the learning rate's schedule, counted from the fork.
fn set_schedule(draft: &mut Draft, curve: &Schedule, source: Source) -> Result<Done, Refusal> {
    // A schedule that was not read from text has not been checked yet.
    if let Err(error) = curve.to_string().parse::<Schedule>() {
        return Err(Refusal::Reason(error.to_string()));
    }
    let from = draft.rest.step;
    let schedule = (*curve != Schedule::Constant).then(|| ScheduleSpec { curve: curve.clone(), from });
    refuse_same(draft.definition.schedule == schedule, "schedule", curve, source)?;
    let before = std::mem::replace(&mut draft.definition.schedule, schedule);
    let before =
        before.map_or_else(|| "constant".to_owned(), |before| format!("{} from step {}", before.curve, before.from));
    Ok(Done::new(format!("schedule {before} → {curve} from step {from}")))
}
