//! `revacnn networks`: what networks there are, and what one measures.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::kinds::untrained;
use revacnn_schemas::{Figure, ImageShape, NetworkSpec};
use revacnn_trainer::{LayerOutline, Outline, named_network, outline, preset, presets};
use serde_json::json;

use super::Run;
use super::figure::{check_ending, finish};
use crate::error::Failure;
use crate::output;
use crate::text::{Side, count, counted, table};

/// List the networks that have a name, or the layers of one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn networks\n  revacnn networks lenet --input 1x28x28
  revacnn networks my.toml --classes 100
  revacnn networks resnet8 -o resnet8.svg

Multiply-adds are those of coefficients in a forward pass of one image.")]
pub(crate) struct NetworksArguments {
    /// A network by its name, or a TOML file [default: all that have a name].
    #[arg(value_name = "NAME|FILE")]
    network: Option<OsString>,
    /// Channels, rows and columns of an image.
    #[arg(long, value_name = "CHANNELSxROWSxCOLUMNS", default_value = "3x32x32", value_parser = shape)]
    input: ImageShape,
    /// Classes of the data set.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    classes: u32,
    /// Draws the network into a file: .svg, .png or .pdf.
    #[arg(short, long, value_name = "FILE", requires = "network")]
    output: Option<PathBuf>,
}

/// Reads `3x32x32`.
fn shape(text: &str) -> Result<ImageShape, String> {
    let parts: Option<Vec<usize>> =
        text.split(['x', '×']).map(|part| part.parse().ok().filter(|length| (1..=4096).contains(length))).collect();
    match parts.as_deref() {
        Some(&[channels, height, width]) => Ok(ImageShape { channels, height, width }),
        _ => Err(format!("expected three numbers from 1 to 4,096 such as 3x32x32, found `{text}`")),
    }
}

impl Run for NetworksArguments {
    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        match (&self.network, &self.output) {
            (Some(network), Some(output)) => self.draw(network, output, json),
            (Some(network), None) => self.show(&named_network(network)?, json),
            (None, _) => self.list(json),
        }
    }
}

impl NetworksArguments {
    fn outline(&self, network: &NetworkSpec) -> Result<Outline, Failure> {
        Ok(outline(network, self.input, self.classes as usize)?)
    }

    fn list(&self, json: bool) -> Result<ExitCode, Failure> {
        let mut out = output::out();
        let mut rows = Vec::new();
        for (name, summary) in presets() {
            // Not every network takes images of every size.
            let layers = self.outline(&preset(name)?).map(|outline| outline.layers);
            let (parameters, cost) = match &layers {
                Ok(layers) => {
                    (Some(total(layers, |layer| layer.parameters)), Some(total(layers, |layer| layer.multiply_adds)))
                }
                Err(_) => (None, None),
            };
            let layers = layers.ok().map(|layers| layers.len());
            if json {
                let line = json!({
                    "name": name,
                    "summary": summary,
                    "layers": layers,
                    "parameters": parameters,
                    "multiply_adds": cost,
                });
                writeln!(out, "{line}")?;
                continue;
            }
            let number = |number: Option<usize>| number.map_or_else(|| "–".to_owned(), |number| count(number as u64));
            rows.push(vec![name.to_owned(), number(layers), number(parameters), number(cost), summary.to_owned()]);
        }
        if !json {
            let heading = [
                ("name", Side::Left),
                ("layers", Side::Right),
                ("parameters", Side::Right),
                ("multiply-adds", Side::Right),
                ("what it is", Side::Left),
            ];
            write!(out, "{}", table(&heading, &rows))?;
            writeln!(out, "\nfor images of {} and {}", self.input, counted(self.classes.into(), "class"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn draw(&self, network: &OsString, output: &Path, json: bool) -> Result<ExitCode, Failure> {
        check_ending(output)?;
        let outline = self.outline(&named_network(network)?)?;
        // A file is called by its name alone.
        let name = Path::new(network).file_stem().unwrap_or(network).to_string_lossy();
        finish(&Figure::Network(untrained(&outline, self.input, &name)), Some(output), json)
    }

    fn show(&self, network: &NetworkSpec, json: bool) -> Result<ExitCode, Failure> {
        let layers = self.outline(network)?.layers;
        let mut out = output::out();
        if json {
            for layer in &layers {
                let line = json!({
                    "layer": layer.layer,
                    "kind": layer.kind,
                    "words": layer.words,
                    "reads": layer.reads,
                    "output": [layer.output.channels, layer.output.height, layer.output.width],
                    "parameters": layer.parameters,
                    "multiply_adds": layer.multiply_adds,
                });
                writeln!(out, "{line}")?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        let reads = |layer: &LayerOutline| {
            let names: Vec<String> = layer.reads.iter().map(ToString::to_string).collect();
            (!names.is_empty()).then(|| format!("reads {}", names.join(" and ")))
        };
        let row = |layer: &LayerOutline| {
            vec![
                layer.layer.to_string(),
                layer.words.iter().cloned().chain(reads(layer)).collect::<Vec<_>>().join(", "),
                layer.output.to_string(),
                count(layer.parameters as u64),
                count(layer.multiply_adds as u64),
            ]
        };
        let heading = [
            ("layer", Side::Left),
            ("what it does", Side::Left),
            ("output", Side::Left),
            ("parameters", Side::Right),
            ("multiply-adds", Side::Right),
        ];
        write!(out, "{}", table(&heading, &layers.iter().map(row).collect::<Vec<_>>()))?;
        writeln!(
            out,
            "\n{} parameters, {} multiply-adds an image of {}",
            count(total(&layers, |layer| layer.parameters) as u64),
            count(total(&layers, |layer| layer.multiply_adds) as u64),
            self.input
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

fn total(layers: &[LayerOutline], of: impl Fn(&LayerOutline) -> usize) -> usize {
    layers.iter().map(of).fold(0, usize::saturating_add)
}
