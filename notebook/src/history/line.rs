//! A branch as the command that makes it.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use revacnn_recorder::DEFAULT_DATASET;
use revacnn_schemas::{
    ARITHMETIC, Address, AugmentationRequest, AugmentationSpec, BranchRecord, Change, DatasetIdentity, Edit, Fidelity,
    ImageIndex, OptimizerSpec, Position, Producer, Reading, RecordingSettings, RunDefinition,
};
use revacnn_store::DataHint;
use revacnn_trainer::data::{catalogue, load_as};
use revacnn_trainer::{Settings, resolve_optimizer, were_asked};

use super::{Told, Writer};
use crate::command::{AugmentationOptions, Command, Family, Fork, ReadingOptions, Train, Until, UntilOptions};

impl Writer<'_> {
    /// The line of one of these branches; each is after the one that it was forked from.
    pub(super) fn line(&mut self, told: &[Told], at: usize) -> Result<Command, String> {
        let this = &told[at];
        if let Err(reason) = &this.line
            && !reason.is_empty()
        {
            return Err(reason.clone());
        }
        let definition = match &this.record.producer {
            Producer::Engine { arithmetic: ARITHMETIC, definition } => definition,
            Producer::Engine { arithmetic, .. } => {
                return Err(format!(
                    "arithmetic {arithmetic} computed it, and this program computes with {ARITHMETIC}"
                ));
            }
            Producer::Foreign(foreign) => return Err(format!("{foreign} computed it, and lines train here")),
        };
        match &this.record.parent {
            None => self.train(this, definition, told),
            Some(parent) => {
                let Some(parent) = told.iter().find(|other| other.record.id == parent.branch) else {
                    return Err(format!("the branch that it was forked from, {}, is not in the store", parent.branch));
                };
                fork(this, parent)
            }
        }
    }

    fn train(&mut self, this: &Told, definition: &RunDefinition, told: &[Told]) -> Result<Command, String> {
        if let Some(init) = &definition.init {
            let digest = init.arrays.digest();
            return Err(format!("it begins with arrays of digest {digest:.12}, whose path the store does not know"));
        }
        let usual = Settings::default();
        let reading = definition.reading.clone().unwrap_or_default();
        let dataset = self.dataset(&definition.dataset, &reading)?;
        let varied = self.usual_augmentation(&definition.dataset);
        let mut train = Train {
            name: Some(this.name.clone()),
            dataset: Some(dataset).filter(|name| name != DEFAULT_DATASET),
            reading: ReadingOptions::of(&reading),
            network: self.network(definition, told)?,
            schedule: definition.schedule.as_ref().map(|schedule| schedule.curve.clone()),
            batch_size: Some(definition.batch_size).filter(|size| *size != usual.batch_size),
            augmentation: AugmentationOptions::of(AugmentationRequest::between(varied, definition.augmentation)),
            seed: Some(definition.seed).filter(|seed| *seed != usual.seed),
            steps: Some(this.last.unwrap_or_default().0),
            ..Train::default()
        };
        optimizer(&mut train, &definition.optimizer)?;
        let RecordingSettings { fidelity, keyframe_interval, probes, validate_every } = &this.record.recording;
        let usual_interval = RecordingSettings::default_keyframe_interval(definition.batch_size);
        train.fidelity = Some(*fidelity).filter(|fidelity| *fidelity != Fidelity::Every);
        train.keyframe_interval = Some(*keyframe_interval).filter(|interval| *interval != usual_interval);
        train.validate_every = *validate_every;
        if probes[..] != [ImageIndex(0)] {
            train.probe = probes.iter().map(|image| image.0).collect();
        }
        Ok(Command::Train(Box::new(Family { line: train, over: None })))
    }

    /// The word that names a data set, in the notebook's folder or that of the data sets.
    fn dataset(&mut self, identity: &DatasetIdentity, reading: &Reading) -> Result<OsString, String> {
        let name = OsString::from(&identity.name);
        let mut lacking = None;
        if catalogue(None).iter().any(|entry| name == entry.name) {
            match self.loaded(&name, reading) {
                Ok(found) if found == *identity => return Ok(name),
                Ok(_) => {}
                Err(reason) => lacking = Some(reason),
            }
        }
        let Some(path) = DataHint::of(self.store, identity).map(|hint| hint.dataset).filter(|path| *path != name)
        else {
            return Err(lacking.unwrap_or_else(|| format!("no data set here has the images of its {}", identity.name)));
        };
        let own = Path::new(&path);
        let folders = std::iter::once(self.place.folder).chain(self.place.resources.data_folder.as_deref());
        let below = folders.filter_map(|folder| {
            Some(own.canonicalize().ok()?.strip_prefix(folder.canonicalize().ok()?).ok()?.to_owned())
        });
        let below = below.into_iter().find(|below| !below.as_os_str().is_empty());
        let Some(below) = below else {
            return Err(format!(
                "its images are in {}, and a notebook reads only in its own folder and in the one of --data: write it beside them, or name a folder above them by --data",
                own.display()
            ));
        };
        // A folder may be called otherwise by now.
        match self.loaded(&path, reading)?.digest == identity.digest {
            true => Ok(below.into_os_string()),
            false => Err(format!("{} has other images by now", own.display())),
        }
    }

    /// How images of a data set that was loaded are varied where a line says nothing of it.
    fn usual_augmentation(&self, identity: &DatasetIdentity) -> AugmentationSpec {
        let loaded = self.datasets.values().filter_map(|dataset| dataset.as_ref().ok());
        let mut this = loaded.filter(|dataset| dataset.identity().digest == identity.digest);
        this.next().map_or(AugmentationSpec::NONE, |dataset| dataset.augmentation())
    }

    /// What a data set is that is named so.
    fn loaded(&mut self, name: &OsStr, reading: &Reading) -> Result<DatasetIdentity, String> {
        let data_folder = self.place.resources.data_folder.as_deref();
        let load = || load_as(name, data_folder, reading).map(Arc::new).map_err(|error| error.to_string());
        let dataset = self.datasets.entry((name.to_owned(), reading.clone())).or_insert_with(load);
        dataset.as_ref().map(|dataset| dataset.identity().clone()).map_err(Clone::clone)
    }
}

/// The options of an optimizer that are not those that a line has without them.
fn optimizer(train: &mut Train, optimizer: &OptimizerSpec) -> Result<(), String> {
    let usual = resolve_optimizer(&OptimizerSpec::new(&optimizer.kind)).map_err(|error| error.to_string())?;
    let mut named = OptimizerSpec::new(&optimizer.kind);
    for (name, value) in optimizer.parameters.iter().filter(|(name, value)| usual.parameters.get(*name) != Some(*value))
    {
        match (name.as_str(), value.as_f64()) {
            ("learning_rate", Some(value)) => train.learning_rate = Some(value),
            ("momentum", Some(value)) => train.momentum = Some(value),
            ("weight_decay", Some(value)) => train.weight_decay = Some(value),
            ("clip_norm", Some(value)) => train.clip_norm = Some(value),
            _ => drop(named.parameters.insert(name.clone(), value.clone())),
        }
    }
    if named != Settings::default().optimizer {
        train.optimizer = Some(named.to_string());
    }
    Ok(())
}

fn fork(this: &Told, parent: &Told) -> Result<Command, String> {
    let (record, above) = (&this.record, &parent.record);
    let first = record.first_step();
    let edit = edits(record, above)?.into_iter().map(OsString::from).collect();
    let until =
        UntilOptions { steps: this.last.filter(|last| *last > first).map(|last| Until::Step(last.0)), epochs: None };
    let fork = Fork {
        address: Address { branch: parent.name.clone(), position: Position::Step(first) },
        new: Some(this.name.clone()),
        name: None,
        edit,
        until,
        fidelity: Some(record.recording.fidelity).filter(|fidelity| *fidelity != above.recording.fidelity),
    };
    Ok(Command::Fork(Box::new(Family { line: fork, over: None })))
}

/// The longest edit that is written: a line's words are arguments of a program in the end, of which
/// one has at most 128 KiB on Linux.
const MOST_LETTERS: usize = 100_000;

/// The edits of a fork as they are written, with no seed where that is the usual one.
fn edits(record: &BranchRecord, parent: &BranchRecord) -> Result<Vec<String>, String> {
    let Some(definition) = parent.definition() else { return Err("another program computed its parent".to_owned()) };
    let step = record.first_step();
    let mut asked = record.edits.clone();
    for edit in &mut asked {
        match &mut edit.change {
            // What a search found it finds again.
            Change::AddFilter { coefficients, .. } => *coefficients = None,
            change @ (Change::SetWeights { .. } | Change::LoadWeights { .. }) => {
                let has = match change {
                    Change::SetWeights { .. } => {
                        "coefficients of a file or of the window, and the store keeps no file of them"
                    }
                    _ => "arrays of a file, whose path the store does not know",
                };
                edit.seed = None;
                return Err(format!("its edit `{edit}` has {has}"));
            }
            _ => {}
        }
    }
    for place in 0..asked.len() {
        let seed = asked[place].seed.take();
        if !were_asked(&record.edits, &asked, definition, step) {
            asked[place].seed = seed;
        }
    }
    let written: Vec<String> = asked.iter().map(Edit::in_full).collect();
    if let Some((edit, text)) = asked.iter().zip(&written).find(|(_, text)| text.len() > MOST_LETTERS) {
        return Err(format!("its edit `{edit}` is {} letters, and a word has at most {MOST_LETTERS}", text.len()));
    }
    let read: Vec<Edit> = written.iter().filter_map(|text| text.parse().ok()).collect();
    match were_asked(&record.edits, &read, definition, step) {
        true => Ok(written),
        false => Err(format!("what is written of its edits is not all of them: {}", written.join("; "))),
    }
}
