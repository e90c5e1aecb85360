//! What ONNX has no operator for in the version that is written, made of several.

use std::f32::consts::FRAC_1_SQRT_2;

use super::messages::{FLOAT32, INT64, Tensor};
use super::{Node, Writer, float, int, ints};

impl Writer<'_> {
    /// `x · ½ · (1 + erf(x / √2))`, as PyTorch's `GELU` has it.
    ///
    /// Source: Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).
    pub(super) fn gelu(&mut self, name: &str, input: &str, output: &str) {
        let scale = self.number(name, "scale", FRAC_1_SQRT_2);
        let scaled = self.part(name, "scaled", "Mul", &[input, &scale]);
        let erf = self.part(name, "erf", "Erf", &[&scaled]);
        let one = self.number(name, "one", 1.0);
        let above = self.part(name, "above", "Add", &[&erf, &one]);
        let product = self.part(name, "product", "Mul", &[input, &above]);
        let half = self.number(name, "half", 0.5);
        self.push("Mul", name, vec![product, half], output, Vec::new());
    }

    /// All values of an image normalised as one channel of `InstanceNormalization` is, and then a scale and
    /// a shift for each channel, as PyTorch writes its `GroupNorm`. `is_rows` says that images have no height
    /// and width here.
    pub(super) fn layernorm(&mut self, node: &Node<'_>, is_rows: bool, epsilon: f64, input: &str, output: &str) {
        let name = node.name.as_str();
        let shape = [node.input.channels, node.input.height, node.input.width].map(|length| length as i64);
        let axes = if is_rows { 1 } else { 3 };
        // A length of −1 is that of the batch.
        let back: Vec<i64> = std::iter::once(-1).chain(shape[..axes].iter().copied()).collect();
        let one_channel = self.integers(name, "one_channel", &[0, 1, -1]);
        let images = self.integers(name, "images", &back);
        let (ones, zeros) = (self.number(name, "ones", 1.0), self.number(name, "zeros", 0.0));
        let flat = self.part(name, "flat", "Reshape", &[input, &one_channel]);
        let even = format!("{name}.even");
        let attributes = vec![float("epsilon", epsilon as f32)];
        self.push("InstanceNormalization", &even, vec![flat, ones, zeros], &even, attributes);
        let normalised = self.part(name, "normalised", "Reshape", &[&even, &images]);
        let mut each = vec![1; axes];
        each[0] = shape[0];
        let state = self.network.state_of(node.layer);
        let weight = self.floats(name, super::WEIGHT, &each, &state.weights);
        let bias = self.floats(name, super::BIAS, &each, &state.biases);
        let scaled = self.part(name, "scaled", "Mul", &[&normalised, &weight]);
        self.push("Add", name, vec![scaled, bias], output, Vec::new());
    }

    /// The largest of so many channels that follow one another, over an axis of their own. `is_rows` says
    /// that images have no height and width here.
    pub(super) fn maxout(&mut self, node: &Node<'_>, is_rows: bool, pieces: usize, input: &str, output: &str) {
        let name = node.name.as_str();
        // A length of 0 is that of the batch.
        let shape = [0, node.output.channels, pieces, node.output.height, node.output.width];
        let shape = shape.map(|length| length as i64);
        let groups = self.integers(name, "groups", &shape[..if is_rows { 3 } else { 5 }]);
        let grouped = self.part(name, "grouped", "Reshape", &[input, &groups]);
        let attributes = vec![ints("axes", vec![2]), int("keepdims", 0)];
        self.push("ReduceMax", name, vec![grouped], output, attributes);
    }

    /// One operation of several; no layer's name has a point.
    fn part(&mut self, name: &str, part: &str, operator: &str, inputs: &[&str]) -> String {
        let output = format!("{name}.{part}");
        self.push(operator, &output, inputs.iter().map(|&input| input.to_owned()).collect(), &output, Vec::new());
        output
    }

    fn number(&mut self, name: &str, part: &str, value: f32) -> String {
        self.floats(name, part, &[1], &[value])
    }

    pub(super) fn floats(&mut self, name: &str, part: &str, dims: &[i64], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(format!("{name}.{part}"), dims, FLOAT32, raw_data)
    }

    pub(super) fn integers(&mut self, name: &str, part: &str, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(format!("{name}.{part}"), &[values.len() as i64], INT64, raw_data)
    }

    fn tensor(&mut self, name: String, dims: &[i64], numbers: i32, raw_data: Vec<u8>) -> String {
        self.tensors.push(Tensor { dims: dims.to_vec(), data_type: Some(numbers), name: name.clone(), raw_data });
        name
    }
}
