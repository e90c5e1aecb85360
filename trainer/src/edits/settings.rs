//! Hyper-parameters.

use revacnn_schemas::{OptimizerSpec, Schedule, ScheduleSpec, Setting};

use super::draft::Draft;
use super::outcome::{Done, Refusal};
use crate::define::check_batch_size;
use crate::{Trainer, optimizers};

/// Changes a hyper-parameter.
pub(super) fn set(trainer: &Trainer, draft: &mut Draft, setting: &Setting) -> Result<Done, Refusal> {
    match setting {
        Setting::HyperParameter { name, value } => of_optimizer(draft, name, *value),
        Setting::BatchSize(value) => {
            check_batch_size(*value, trainer.dataset().train_indices().len())?;
            let before = std::mem::replace(&mut draft.definition.batch_size, *value);
            Ok(Done::new(format!("batch-size {before} → {value}")))
        }
        Setting::Optimizer(spec) => optimizer(draft, spec),
        Setting::Schedule(schedule) => set_schedule(draft, *schedule),
    }
}

/// Changes a hyper-parameter of the optimizer at hand; its memory stays.
fn of_optimizer(draft: &mut Draft, parameter: &str, value: f64) -> Result<Done, Refusal> {
    let name = parameter.replace('_', "-");
    let mut spec = draft.definition.optimizer.clone();
    let Some(before) = spec.parameters.get(parameter).cloned() else {
        let known: Vec<String> = spec.parameters.keys().map(|name| name.replace('_', "-")).collect();
        return Err(Refusal::Reason(format!("the optimizer {} has no {name}; it has {}", spec.kind, known.join(", "))));
    };
    if !value.is_finite() {
        return Err(Refusal::Reason(format!("{name} must be a finite number, found {value}")));
    }
    spec.parameters.insert(parameter.to_owned(), value.into());
    draft.definition.optimizer = optimizers::build(&spec)?.0;
    Ok(Done::new(format!("{name} {before} → {value}")))
}

/// Changes the optimizer: its slots are zeros and it counts updates from 0.
fn optimizer(draft: &mut Draft, spec: &OptimizerSpec) -> Result<Done, Refusal> {
    let (spec, optimizer) = optimizers::build(spec)?;
    let slots = optimizer.slots();
    for state in draft.parameters.iter_mut().flatten() {
        state.weight_slots = vec![vec![0.0; state.weights.len()]; slots];
        state.bias_slots = vec![vec![0.0; state.biases.len()]; slots];
    }
    draft.rest.optimizer_updates = 0;
    let before = std::mem::replace(&mut draft.definition.optimizer, spec);
    Ok(Done::new(format!("optimizer {before} → {}; its memory begins at zero", draft.definition.optimizer)))
}

/// Changes the learning rate's schedule, counted from the fork.
fn set_schedule(draft: &mut Draft, curve: Schedule) -> Result<Done, Refusal> {
    // A schedule that was not read from text has not been checked yet.
    if let Err(error) = curve.to_string().parse::<Schedule>() {
        return Err(Refusal::Reason(error.to_string()));
    }
    let from = draft.rest.step;
    let schedule = (curve != Schedule::Constant).then_some(ScheduleSpec { curve, from });
    let before = std::mem::replace(&mut draft.definition.schedule, schedule);
    let before =
        before.map_or_else(|| "constant".to_owned(), |before| format!("{} from step {}", before.curve, before.from));
    Ok(Done::new(format!("schedule {before} → {curve} from step {from}")))
}
