//! Hyper-parameters.

use crate::support::{child, edited, layers, trained};

#[test]
fn hyper_parameters_are_in_force_at_once() {
    let parent = trained(layers(), 3);
    let set = |text: &str| edited(&parent, &[text]);
    assert_eq!(child(&set("set learning-rate 0.5"), 1).hyper_parameters().get("learning_rate"), Some(0.5));
    assert_eq!(child(&set("set weight-decay 0.25"), 1).hyper_parameters().get("weight_decay"), Some(0.25));
    assert_eq!(child(&set("set batch-size 7"), 1).step().unwrap().images, 7);
    let sgd = set("set optimizer sgd");
    assert_eq!(sgd.state.optimizer_updates, 0);
    assert!(sgd.state.parameters.iter().all(|state| state.weight_slots.len() == 1 && state.bias_slots.len() == 1));
    assert_eq!(sgd.definition.optimizer.parameters["momentum"], 0.9);
    assert_eq!(set("set learning-rate 0.5").state, parent.state());
    let schedule = set("set schedule cosine,over=10").definition.schedule.unwrap();
    assert_eq!((schedule.from.0, schedule.curve.to_string()), (3, "cosine,over=10,floor=0".to_owned()));
    let constant = edited(&parent, &["set schedule cosine,over=10", "set schedule constant"]);
    assert_eq!(constant.definition.schedule, None);
    assert_eq!(constant.effects[1].summary, "schedule cosine,over=10,floor=0 from step 3 → constant from step 3");
}

/// What every optimizer has is in force where it is set, and leaves no trace at 0.
#[test]
fn clipping_and_l1_decay_are_set_and_taken_back_by_name() {
    let parent = trained(layers(), 3);
    let clipped = edited(&parent, &["set clip-norm 0.5", "set l1-decay 0.25"]);
    assert_eq!(clipped.effects[0].summary, "clip-norm 0 → 0.5");
    assert_eq!(clipped.state, parent.state());
    let mut child = child(&clipped, 1);
    let values = ["clip_norm", "l1_decay"].map(|name| child.hyper_parameters().get(name));
    assert_eq!(values, [Some(0.5), Some(0.25)]);
    assert_eq!(parent.hyper_parameters().get("clip_norm"), None);
    let (with, without) = (child.step().unwrap().decay_loss, trained(layers(), 4));
    assert!(with > 1.0, "{with}");
    assert_ne!(child.parameters(), without.parameters());
    assert_eq!(child.gradients(), without.gradients(), "those before they are clipped");
    let again = edited(&parent, &["set clip-norm 0.5", "set clip-norm 0"]);
    assert_eq!(again.definition, *parent.definition());
    let refused = |text: &str| parent.edited(&[text.parse().unwrap()]).unwrap_err().to_string();
    assert!(refused("set clip-norm 0").contains("clip-norm is 0 already"));
    assert!(refused("set l1-decay -1").contains("l1-decay must be a finite number of at least 0"));
    assert!(refused("set rho 0.9").contains("weight-decay, clip-norm, l1-decay"));
}

/// Every hyper-parameter of an optimizer is steered by its name, and its memory stays.
#[test]
fn what_an_optimizer_has_is_steered_by_name() {
    let parent = trained(layers(), 3);
    let steered = edited(&parent, &["set beta1 0.5", "set epsilon 0.000001"]);
    assert_eq!(steered.effects[0].summary, "beta1 0.9 → 0.5");
    assert_eq!(steered.state, parent.state());
    let child = child(&steered, 1);
    let all: Vec<(String, f32)> =
        child.hyper_parameters().iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let named = |name: &str| all.iter().find(|(other, _)| other == name).unwrap().1;
    assert_eq!([named("beta1"), named("beta2"), named("epsilon")], [0.5, 0.999, 1e-6]);
    let refused = |text: &str| parent.edited(&[text.parse().unwrap()]).unwrap_err().to_string();
    assert!(refused("set beta2 1").contains("beta2 must be at least 0 and below 1"));
    assert!(refused("set rho 0.9").contains("the optimizer adam has no rho; it has beta1, beta2, epsilon"));
}
