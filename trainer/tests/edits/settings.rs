//! Hyper-parameters.

use crate::support::{child, edited, layers, trained};

#[test]
fn hyper_parameters_are_in_force_at_once() {
    let parent = trained(layers(), 3);
    let set = |text: &str| edited(&parent, &[text]);
    assert_eq!(child(&set("set learning-rate 0.5"), 1).hyper_parameters().learning_rate, 0.5);
    assert_eq!(child(&set("set weight-decay 0.25"), 1).hyper_parameters().weight_decay, 0.25);
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
