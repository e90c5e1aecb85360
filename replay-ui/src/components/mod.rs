//! The parts of the window. Each has a `State` that nobody else changes, a
//! `Message` for what happens in it, `update`, which returns an `Action` where
//! others are to do something, and `view`. The [root](crate::update) passes
//! messages down and does what actions ask for.

pub(crate) mod augmentation_form;
pub(crate) mod classes;
pub(crate) mod dialog;
pub(crate) mod figure_menu;
pub(crate) mod filters;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod help;
pub(crate) mod histograms;
pub(crate) mod history;
pub(crate) mod hyper_parameters;
pub(crate) mod inspector;
pub(crate) mod layer_form;
pub(crate) mod loss;
pub(crate) mod network;
pub(crate) mod notebook;
pub(crate) mod pad;
pub(crate) mod pieces;
pub(crate) mod prompt;
pub(crate) mod reading_form;
pub(crate) mod run_form;
pub(crate) mod seen;
pub(crate) mod status;
pub(crate) mod timeline;
pub(crate) mod tree;
