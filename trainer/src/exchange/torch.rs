//! A script that builds the network in PyTorch and loads its arrays from a file beside it.

use std::fmt::Write;

use revacnn_schemas::ClassOutputs;

use super::ExchangeError;
use super::arrays::axes;
use super::export::{ExportedNetwork, no_form};
use super::form::{Form, PoolMethod, Window};
use super::graph::{Graph, Node, Read};
use crate::layers::class_outputs;

const PROGRAM: &str = "PyTorch";

/// The script. The network gives logits, as PyTorch's losses want them.
pub(super) fn script(network: &ExportedNetwork<'_>, graph: &Graph<'_>) -> Result<String, ExchangeError> {
    let modules = modules(graph)?;
    let input = network.definition.input;
    let outputs = network.definition.network.layers.last().map(class_outputs).unwrap_or_default();
    let mut text = format!(
        "\"\"\"{} with digest {}, as revacnn export wrote it.\n\nImages are {} of float32, byte / 255 - 0.5; \
         what comes out are {}.\n\"\"\"\n\n",
        network.address(),
        network.origin.digest,
        axes(&[input.channels, input.height, input.width]),
        match outputs {
            ClassOutputs::Image => "the images\nagain, flat, [channel][row][column]",
            ClassOutputs::Probabilities => "logits: logits.softmax(1) are\nthe probabilities of the classes",
            ClassOutputs::Scores | ClassOutputs::Values => "scores of the classes",
        },
    );
    let has = |form: &Form| graph.nodes.iter().any(|node| node.form == *form);
    text += "from collections import OrderedDict\nfrom pathlib import Path\n\n";
    text += if has(&Form::Concat) { "import torch\n" } else { "" };
    text += "from safetensors.torch import load_file\nfrom torch import nn\n\n";
    let names = network.class_names.map(serde_json::to_string);
    let names = names.transpose().map_err(|error| ExchangeError::unwritable(PROGRAM)(&error))?;
    match outputs.are_of_classes() {
        false => text += "\n",
        // A list of JSON's strings is one of Python's.
        true => {
            let _ = writeln!(text, "CLASSES = {}\n\n", names.as_deref().unwrap_or("None"));
        }
    }
    text += if graph.nodes.iter().any(|node| matches!(node.form, Form::Maxout { .. })) { MAXOUT } else { "" };
    text += if has(&Form::Add) { ADD } else { "" };
    text += if has(&Form::Concat) { CONCAT } else { "" };
    text += &if graph.is_chain() { sequential(&modules) } else { module(&modules) };
    text += "\n\ndef load(path=Path(__file__).with_suffix(\".safetensors\")):\n    \
             \"\"\"The network with its arrays, for evaluation.\"\"\"\n    model = network()\n    \
             model.load_state_dict(load_file(path))\n    return model.eval()\n\n\n\
             if __name__ == \"__main__\":\n    print(load())\n";
    Ok(text)
}

/// Modules that PyTorch has as functions alone.
const MAXOUT: &str = "class Maxout(nn.Module):\n    def __init__(self, pieces):\n        super().__init__()\n        \
                      self.pieces = pieces\n\n    def forward(self, maps):\n        \
                      return maps.unflatten(1, (-1, self.pieces)).amax(2)\n\n\n";
const ADD: &str = "class Add(nn.Module):\n    def forward(self, first, *others):\n        for other in others:\n            \
                   first = first + other\n        return first\n\n\n";
const CONCAT: &str = "class Concat(nn.Module):\n    def forward(self, *maps):\n        return torch.cat(maps, 1)\n\n\n";

/// A module of PyTorch with the names of what it reads.
struct Module {
    name: String,
    made: String,
    reads: Vec<String>,
}

/// What the images are called in the module's dictionary: no layer's name has a blank.
const IMAGES: &str = "the images";

fn modules(graph: &Graph<'_>) -> Result<Vec<Module>, ExchangeError> {
    let mut modules: Vec<Module> = Vec::new();
    // The name of the module that has each operation's output, and whether that is rows of values.
    let mut outputs: Vec<(String, bool)> = Vec::new();
    for node in &graph.nodes {
        let mut reads = Vec::new();
        let mut takes_rows = false;
        for read in &node.reads {
            let (mut name, mut is_rows) = match *read {
                Read::Images => (IMAGES.to_owned(), false),
                Read::Node(place) => outputs[place].clone(),
            };
            let is_product = matches!(node.form, Form::FullyConnected { .. });
            let shaper = match *read {
                _ if !is_rows && is_product => Some(("flatten", "nn.Flatten()".to_owned())),
                Read::Node(place) if is_rows && node.form.takes_images() => {
                    let channels = graph.nodes[place].output.channels;
                    Some(("unflatten", format!("nn.Unflatten(1, ({channels}, 1, 1))")))
                }
                _ => None,
            };
            if let Some((stem, made)) = shaper {
                let reshaped = free_name(graph, &modules, stem);
                modules.push(Module { name: reshaped.clone(), made, reads: vec![name] });
                (name, is_rows) = (reshaped, !is_rows);
            }
            takes_rows |= is_rows;
            reads.push(name);
        }
        if let Form::Convolution { window, .. } = &node.form
            && let [top, bottom, left, right] = window.pad
            && (top != bottom || left != right)
        {
            let padded = free_name(graph, &modules, "padded");
            let made = format!("nn.ZeroPad2d(({left}, {right}, {top}, {bottom}))");
            modules.push(Module { name: padded.clone(), made, reads: std::mem::replace(&mut reads, vec![padded]) });
        }
        match module_of(node, takes_rows)? {
            Some(made) => {
                modules.push(Module { name: node.name.clone(), made, reads });
                outputs.push((node.name.clone(), node.form.gives_rows(takes_rows)));
            }
            None => outputs.push((reads.swap_remove(0), takes_rows)),
        }
    }
    Ok(modules)
}

/// A name for what no layer of the network is.
fn free_name(graph: &Graph<'_>, modules: &[Module], stem: &str) -> String {
    let is_taken = |name: &str| {
        graph.nodes.iter().any(|node| node.name == name) || modules.iter().any(|module| module.name == name)
    };
    let names = (1..).map(|number| format!("{stem}{number}"));
    names.into_iter().find(|name| !is_taken(name)).expect("invariant: there is always a free number")
}

/// How an operation is made; `None` for one that PyTorch leaves to the loss.
fn module_of(node: &Node<'_>, takes_rows: bool) -> Result<Option<String>, ExchangeError> {
    let channels = node.input.channels;
    Ok(Some(match &node.form {
        Form::Own => return Err(no_form(PROGRAM, node.layer, "")),
        Form::Convolution { filters, groups, window } => convolution(channels, *filters, *groups, *window),
        Form::FullyConnected { units } => format!("nn.Linear({}, {units})", node.input.len()),
        Form::Pool { method, window } => {
            let kind = match method {
                PoolMethod::Max => "MaxPool2d",
                PoolMethod::Average => "AvgPool2d",
            };
            let [kernel, stride] = [window.kernel, window.stride].map(number);
            format!("nn.{kind}({kernel}, stride={stride}, padding={})", window.pad[0])
        }
        Form::Relu => "nn.ReLU()".to_owned(),
        Form::Tanh => "nn.Tanh()".to_owned(),
        Form::LeakyRelu => "nn.LeakyReLU()".to_owned(),
        Form::Sigmoid => "nn.Sigmoid()".to_owned(),
        Form::Gelu => "nn.GELU()".to_owned(),
        Form::GlobalAverage => "nn.AdaptiveAvgPool2d(1)".to_owned(),
        Form::LayerNorm { epsilon } => format!("nn.GroupNorm(1, {channels}, eps={epsilon:?})"),
        Form::LocalResponse { size, alpha, beta, k } => {
            format!("nn.LocalResponseNorm({size}, alpha={alpha:?}, beta={beta:?}, k={k:?})")
        }
        Form::BatchNorm { epsilon, momentum } => {
            let axes = if takes_rows { 1 } else { 2 };
            format!("nn.BatchNorm{axes}d({channels}, eps={epsilon:?}, momentum={momentum:?})")
        }
        Form::Dropout { rate } => format!("nn.Dropout({rate:?})"),
        Form::Softmax => return Ok(None),
        Form::Maxout { pieces } => format!("Maxout({pieces})"),
        Form::Add => "Add()".to_owned(),
        Form::Concat => "Concat()".to_owned(),
    }))
}

/// A convolution, with what is not PyTorch's default.
fn convolution(channels: usize, filters: usize, groups: usize, window: Window) -> String {
    let Window { kernel, stride, dilation, pad } = window;
    let [top, bottom, left, right] = pad;
    // Another padding by side is a module of PyTorch, and not of a name that its arrays could have.
    let is_even = top == bottom && left == right;
    let [kernel, stride] = [kernel, stride].map(number);
    let padding = if is_even { number([top, left]) } else { "0".to_owned() };
    let mut made = format!("nn.Conv2d({channels}, {filters}, {kernel}, stride={stride}, padding={padding}");
    if dilation != [1, 1] {
        let _ = write!(made, ", dilation={}", number(dilation));
    }
    if groups > 1 {
        let _ = write!(made, ", groups={groups}");
    }
    made + ")"
}

/// A number, or one by rows and one by columns.
fn number([rows, columns]: [usize; 2]) -> String {
    if rows == columns { rows.to_string() } else { format!("({rows}, {columns})") }
}

fn sequential(modules: &[Module]) -> String {
    let mut text = "def network():\n    \"\"\"The network before its arrays are loaded.\"\"\"\n    \
                    return nn.Sequential(OrderedDict([\n"
        .to_owned();
    for Module { name, made, .. } in modules {
        let _ = writeln!(text, "        (\"{name}\", {made}),");
    }
    text + "    ]))\n"
}

fn module(modules: &[Module]) -> String {
    let mut text = "class Network(nn.Module):\n    \"\"\"The network before its arrays are loaded.\"\"\"\n\n    \
                    def __init__(self):\n        super().__init__()\n"
        .to_owned();
    for Module { name, made, .. } in modules {
        let _ = writeln!(text, "        self.add_module(\"{name}\", {made})");
    }
    let _ = writeln!(text, "\n    def forward(self, images):\n        at = {{\"{IMAGES}\": images}}");
    for Module { name, reads, .. } in modules {
        let reads: Vec<String> = reads.iter().map(|read| format!("at[\"{read}\"]")).collect();
        let _ = writeln!(text, "        at[\"{name}\"] = self.get_submodule(\"{name}\")({})", reads.join(", "));
    }
    let last = modules.last().map_or(IMAGES, |module| &module.name);
    let _ = writeln!(text, "        return at[\"{last}\"]\n\n\ndef network():\n    return Network()");
    text
}
