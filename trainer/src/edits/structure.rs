//! Inserting and removing layers, and changing their activations.

use revacnn_schemas::{
    FilterNumber, IMAGES, ImageShape, LayerInit, LayerName, LayerSpec, LayerTopology, ParameterState, Parameters,
    counted,
};
use serde_json::Value;

use super::arrays::{self, NewFilter};
use super::draft::Draft;
use super::draws;
use super::outcome::{Done, Refusal, Source};
use super::settings::refuse_same;
use crate::TrainerError;
use crate::edges::Origin;
use crate::initialise::zero_state;
use crate::kernels::Instructions;
use crate::layers::{self, Begin, LayerKind, Ones, Role, Surroundings};

/// A layer to be inserted.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewLayer<'a> {
    pub(super) kind: &'a str,
    /// The layer that it follows; the images if `None`.
    pub(super) after: Option<&'a LayerName>,
    pub(super) name: Option<&'a LayerName>,
    pub(super) init: LayerInit,
    pub(super) parameters: &'a Parameters,
}

/// Inserts a layer between another and all that read that one. A layer whose inputs are no
/// longer as many, or no longer as many a channel, draws its coefficients anew; every other
/// keeps them.
///
/// A layer that reads several names them in `reads`, with a comma between two.
///
/// `identity` (Net2Deeper) is refused where the layer would change what
/// passes through it, with the reason. A normalisation begins with scale 1,
/// shift 0, running mean 0 and running variance 1.
///
/// Source: Chen, Goodfellow and Shlens, *Net2Net* (2016), section 2.3.
pub(super) fn insert(draft: &mut Draft, wanted: &NewLayer<'_>, seed: u64) -> Result<Done, Refusal> {
    let kind = layers::kind(wanted.kind)?;
    if kind.role == Role::Classes {
        return Err(Refusal::Reason("a network has one class layer, at its end".to_owned()));
    }
    let after = wanted.after.map(|after| draft.any_layer(after)).transpose()?;
    let place = after.map_or(0, |after| after + 1);
    if place == draft.topology.layers.len() {
        return Err(Refusal::Reason(format!("nothing can follow the class layer {}", draft.name(place - 1))));
    }
    let name = name(draft, kind, wanted.name)?;
    let is_identity = wanted.init == LayerInit::Identity;
    let input = draft.output_of(after);
    let mut parameters = wanted.parameters.clone();
    let reads = reads(kind, &mut parameters)?;
    (kind.complete)(&mut parameters, input, if is_identity { Begin::Identity } else { Begin::Drawn });
    let mut spec = LayerSpec { kind: wanted.kind.to_owned(), name: Some(name.clone()), reads, parameters };
    let mut ones = None;
    if is_identity {
        // Before the layers behind it are built, whose errors would hide why.
        if let Role::Gathers(_) = kind.role {
            return Err(Refusal::Reason(layers::no_identity(kind.name)));
        }
        spec.parameters = resolved_alone(draft, kind, &spec, input)?;
        let not_negative = never_negative(draft, after)?;
        ones = (kind.identity)(&spec, input, not_negative)?.map_err(Refusal::Reason)?;
    }
    let wiring = Wiring::of(draft);
    let old = wanted.after.map_or(IMAGES, LayerName::as_str);
    for read in draft.definition.network.layers.iter_mut().flat_map(|layer| &mut layer.reads) {
        if read.as_str() == old {
            read.clone_from(&name);
        }
    }
    draft.definition.network.layers.insert(place, spec);
    draft.topology.layers.insert(place, unknown(&name, wanted.kind));
    draft.parameters.insert(place, None);
    draft.rebuild()?;
    if draft.shapes[place].is_some() {
        let state = drawn(draft, place, seed);
        draft.parameters[place] = Some(state);
    }
    if let Some(ones) = ones {
        set_identity(draft.weights(place), ones);
    }
    let changed = wiring.adapt(draft, seed);
    if let (true, Some(layer)) = (is_identity, changed.first()) {
        return Err(Refusal::Reason(format!(
            "identity cannot hold: {layer} would have other inputs ({input} reach {name}), and its coefficients would \
             have to be drawn anew"
        )));
    }
    let measured = is_identity || draft.topology.layers[place].normalises;
    let filters = match draft.topology.layers[place].filters.len() {
        0 => String::new(),
        count => format!(" with {}", counted(count as u64, "filter")),
    };
    let after = wanted.after.map_or_else(|| "the images".to_owned(), ToString::to_string);
    Ok(Done::new(format!("{name} ({}) follows {after}{filters}; {}", wanted.kind, in_words(&changed)))
        .measured(measured))
}

/// Removes a layer; its name is not given again. What read it reads what it read, the first of
/// these where it read several. What reads other inputs than before draws its coefficients anew.
pub(super) fn remove(draft: &mut Draft, layer: &LayerName, seed: u64) -> Result<Done, Refusal> {
    let place = draft.any_layer(layer)?;
    if draft.kind(place)?.role == Role::Classes {
        return Err(Refusal::Reason(format!("{layer} is the class layer, which a network needs")));
    }
    let wiring = Wiring::of(draft);
    let source = draft.sources[place][0];
    let source_name = match source {
        Some(source) => draft.name(source).clone(),
        None => IMAGES.parse().map_err(TrainerError::from)?,
    };
    let readers: Vec<usize> = draft.readers_of(Some(place)).collect();
    if let Some(&twice) = readers.iter().find(|&&reader| draft.sources[reader].contains(&source)) {
        return Err(Refusal::Reason(format!(
            "without {layer}, {0} would read {source_name} twice; remove {0} first",
            draft.name(twice)
        )));
    }
    let left = draft.sources[place][1..].iter().flatten();
    let mut unread = left.filter(|&&other| draft.readers_of(Some(other)).count() == 1);
    if let Some(&other) = unread.next() {
        return Err(Refusal::Reason(format!(
            "{layer} is made of {source_name} and of {0}, and without it no layer would read {0}; a layer that it \
             reads first is what its readers go on with",
            draft.name(other)
        )));
    }
    for reader in readers {
        let reads = &mut draft.definition.network.layers[reader].reads;
        match reads.iter_mut().find(|read| *read == layer) {
            Some(read) => read.clone_from(&source_name),
            // It was the layer before, which needs no word.
            None => reads.push(source_name.clone()),
        }
    }
    draft.definition.network.layers.remove(place);
    let gone = draft.topology.layers.remove(place);
    draft.parameters.remove(place);
    draft.topology.retired.push(gone.layer);
    draft.rebuild()?;
    let changed = wiring.adapt(draft, seed);
    Ok(Done::new(format!("{layer} ({}) is gone; {}", gone.kind, in_words(&changed))))
}

/// Gives a layer another activation function.
pub(super) fn set_activation(
    draft: &mut Draft,
    layer: &LayerName,
    function: &str,
    source: Source,
) -> Result<Done, Refusal> {
    let place = draft.any_layer(layer)?;
    let parameter = |place: usize| draft.kind(place).ok().and_then(|kind| kind.activation);
    let Some(parameter) = parameter(place) else {
        let known: Vec<&str> = (0..draft.topology.layers.len())
            .filter(|&place| parameter(place).is_some())
            .map(|place| draft.name(place).as_str())
            .collect();
        return Err(Refusal::Reason(format!(
            "{layer} is of kind {} and has no activation function; layers that have one: {}",
            draft.topology.layers[place].kind,
            known.join(", ")
        )));
    };
    let parameters = &mut draft.definition.network.layers[place].parameters;
    let before = parameters.insert(parameter.to_owned(), function.into());
    draft.rebuild()?;
    let before = before.as_ref().and_then(Value::as_str).unwrap_or("none");
    refuse_same(before == function, &format!("the activation of {layer}"), &function, source)?;
    Ok(Done::new(format!("activation of {layer} {before} → {function}")))
}

/// The name that is wanted, or the kind's stem and the next free number.
fn name(draft: &Draft, kind: &LayerKind, wanted: Option<&LayerName>) -> Result<LayerName, Refusal> {
    let used = |name: &str| draft.topology.layers.iter().any(|layer| layer.layer.as_str() == name);
    let retired = |name: &str| draft.topology.retired.iter().any(|layer| layer.as_str() == name);
    if let Some(name) = wanted {
        let reason = match name.as_str() {
            "input" => "`input` stands for the images; give another name",
            name if used(name) => "there is a layer of that name already; give another one",
            name if retired(name) => {
                "a layer of that name was removed, and names are not given again; give another one"
            }
            _ => return Ok(name.clone()),
        };
        return Err(Refusal::Reason(format!("{name}: {reason}")));
    }
    let free = (1..)
        .map(|number| format!("{}{number}", kind.stem))
        .find(|name| !used(name) && !retired(name))
        .expect("invariant: there is always a free number");
    Ok(free.parse().map_err(TrainerError::from)?)
}

/// A layer that nothing is known of but its name and kind.
fn unknown(name: &LayerName, kind: &str) -> LayerTopology {
    LayerTopology {
        layer: name.clone(),
        kind: kind.to_owned(),
        reads: Vec::new(),
        filters: Vec::new(),
        coefficients: None,
        map: None,
        normalises: false,
        groups: 1,
        kernel: None,
        next_filter: FilterNumber(0),
    }
}

/// A layer's arrays as at step 0, but keyed by the edit's seed.
fn drawn(draft: &Draft, layer: usize, seed: u64) -> ParameterState {
    let shape = draft.shape(layer);
    let slots = draft.parameters.iter().flatten().next().map_or(0, |state| state.weight_slots.len());
    let mut state = zero_state(&shape, slots);
    let drawn = draws::all_incoming(seed, draft.name(layer), &draft.numbers(layer), &shape);
    for (position, weights) in drawn.chunks_exact(shape.coefficients.max(1)).enumerate() {
        arrays::replace_filter(&mut state, position, &NewFilter::drawn(weights.to_vec(), &shape));
    }
    state
}

/// What each layer with weights reads, before layers come and go.
struct Wiring(Vec<(LayerName, ImageShape, usize)>);

impl Wiring {
    fn of(draft: &Draft) -> Self {
        let weighted = (0..draft.topology.layers.len()).filter_map(|layer| {
            let shape = draft.shapes[layer]?;
            Some((draft.name(layer).clone(), draft.inputs[layer], shape.coefficients))
        });
        Self(weighted.collect())
    }

    /// Draws the coefficients anew of every layer whose inputs are no longer
    /// those they were made for, and names these layers.
    ///
    /// A layer that reads single values goes on with the same ones where a
    /// fully connected layer flattened maps into as many units, or did so.
    fn adapt(&self, draft: &mut Draft, seed: u64) -> Vec<LayerName> {
        let mut changed = Vec::new();
        for (name, input, coefficients) in &self.0 {
            let Some(layer) = draft.topology.layers.iter().position(|layer| layer.layer == *name) else { continue };
            let (now, shape) = (draft.inputs[layer], draft.shape(layer));
            let filters = draft.parameters[layer].as_ref().map_or(0, |state| state.biases.len());
            let flat = |input: ImageShape| input.height == 1 && input.width == 1;
            let by_value = *coefficients == input.len()
                && shape.coefficients == now.len()
                && input.len() == now.len()
                && (flat(*input) || flat(now));
            let by_channel = input.channels == now.channels && *coefficients == shape.coefficients;
            if filters == shape.filters && (by_channel || by_value) {
                continue;
            }
            let mut state = drawn(draft, layer, seed);
            if let Some(old) = draft.parameters[layer].take().filter(|_| filters == shape.filters) {
                state.frozen = old.frozen;
            }
            draft.parameters[layer] = Some(state);
            changed.push(name.clone());
        }
        changed
    }
}

fn in_words(changed: &[LayerName]) -> String {
    match changed {
        [] => "every other layer keeps its coefficients".to_owned(),
        [layer] => format!("{layer} reads other inputs and draws its coefficients anew"),
        layers => {
            let names: Vec<&str> = layers.iter().map(LayerName::as_str).collect();
            format!("{} read other inputs and draw their coefficients anew", names.join(", "))
        }
    }
}

/// The layer's parameters with every default written out, where these maps
/// would reach it.
fn resolved_alone(
    draft: &Draft,
    kind: &LayerKind,
    spec: &LayerSpec,
    input: ImageShape,
) -> Result<Parameters, TrainerError> {
    let around = Surroundings {
        input,
        reads: Vec::new(),
        images: draft.definition.input,
        classes: draft.definition.classes,
        instructions: Instructions::Scalar,
        stream: 0,
        numbers: (0..input.channels as u32).collect(),
    };
    Ok((kind.build)(spec, &around)?.parameters)
}

/// Gives a layer the coefficients of the identity.
fn set_identity(state: &mut ParameterState, ones: Ones) {
    state.weights.fill(0.0);
    for filter in 0..state.biases.len() {
        let start = arrays::row(state, filter).start;
        state.weights[start + filter % ones.period * ones.step + ones.first] = 1.0;
    }
}

/// Whether no value that a layer gives is negative; images have such values.
fn never_negative(draft: &Draft, layer: Origin) -> Result<bool, TrainerError> {
    let Some(last) = layer else { return Ok(false) };
    let mut never: Vec<bool> = Vec::with_capacity(last + 1);
    for place in 0..=last {
        let of_all = draft.sources[place].iter().all(|source| source.is_some_and(|source| never[source]));
        let spec = &draft.definition.network.layers[place];
        never.push((draft.kind(place)?.keeps_from_negative)(spec, of_all)?);
    }
    Ok(never[last])
}

/// Takes what a layer that reads several is to read out of its parameters.
fn reads(kind: &LayerKind, parameters: &mut Parameters) -> Result<Vec<LayerName>, Refusal> {
    if !matches!(kind.role, Role::Gathers(_)) {
        return Ok(Vec::new());
    }
    let Some(reads) = parameters.remove("reads") else {
        return Err(Refusal::Reason(format!(
            "a layer of kind {} reads several: name them, as in reads=conv1,conv2",
            kind.name
        )));
    };
    let Some(words) = reads.as_str() else {
        return Err(Refusal::Reason(format!("reads takes names of layers with a comma between two, found {reads}")));
    };
    let names: Result<Vec<LayerName>, _> = words.split(',').map(|name| name.trim().parse()).collect();
    Ok(names.map_err(TrainerError::from)?)
}
