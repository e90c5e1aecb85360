//! Residual networks for images of CIFAR's size.
//!
//! Three stages of 16, 32 and 64 filters of 3×3, each of `blocks` blocks of two convolutions
//! with batch normalisation; the second and third stage begin with stride 2. Then the mean of
//! each map, and softmax: 6·`blocks` + 2 layers with weights in a row. Where a stage changes the
//! maps' shape, the shortcut is a projection, a normalised 1×1 convolution of stride 2 (option
//! B; the paper's own networks for CIFAR-10 have option A there, zeros for the new channels).
//!
//! Source: He, Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition* (2016),
//! sections 3.3 and 4.2.

/// The mean of maps of this size: a quarter of CIFAR's.
const LAST_MAP: usize = 8;

/// The layers in TOML.
pub(super) fn residual(blocks: usize) -> String {
    let mut network = Text::default();
    network.convolution(16, 3, 1, None);
    let mut shortcut = network.relu();
    for (stage, filters) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..blocks {
            let narrows = stage > 0 && block == 0;
            network.convolution(filters, 3, if narrows { 2 } else { 1 }, None);
            network.relu();
            let end = network.convolution(filters, 3, 1, None);
            if narrows {
                shortcut = network.convolution(filters, 1, 2, Some(&shortcut));
            }
            network.add([&end, &shortcut]);
            shortcut = network.relu();
        }
    }
    network.text += &format!("[[layer]]\nkind = \"pool\"\nmethod = \"average\"\nkernel = {LAST_MAP}\n");
    network.text
}

/// Layers in a row, named as they are where nobody names them.
#[derive(Default)]
struct Text {
    text: String,
    convolutions: usize,
    activations: usize,
}

impl Text {
    /// A normalised convolution, of the layer before or of `reads`; returns what it ends in.
    fn convolution(&mut self, filters: usize, kernel: usize, stride: usize, reads: Option<&str>) -> String {
        let reads = reads.map_or_else(String::new, |reads| format!("reads = [{reads:?}]\n"));
        let pad = kernel / 2;
        self.text += &format!(
            "[[layer]]\nkind = \"conv\"\nfilters = {filters}\nkernel = {kernel}\nstride = {stride}\npad = \
             {pad}\n{reads}[[layer]]\nkind = \"batchnorm\"\n"
        );
        self.convolutions += 1;
        format!("batchnorm{}", self.convolutions)
    }

    fn relu(&mut self) -> String {
        self.text += "[[layer]]\nkind = \"activation\"\nfunction = \"relu\"\n";
        self.activations += 1;
        format!("activation{}", self.activations)
    }

    fn add(&mut self, reads: [&str; 2]) {
        self.text += &format!("[[layer]]\nkind = \"add\"\nreads = {reads:?}\n");
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{ImageShape, Topology};

    use crate::{preset, resolve};

    fn topology(name: &str) -> Topology {
        let cifar = ImageShape { channels: 3, height: 32, width: 32 };
        resolve(&preset(name).unwrap(), cifar, 10).unwrap().1
    }

    /// Table 6 of the paper has 0.27 million for 20 layers. Ours have a bias a filter, which the
    /// normalisation takes out again, and projections.
    #[test]
    fn they_have_the_papers_layers_and_parameters() {
        for (name, depth, additions, parameters) in [("resnet8", 8, 3, 78_378), ("resnet20", 20, 9, 273_258)] {
            let topology = topology(name);
            let is_projection =
                |layer: &&revacnn_schemas::LayerTopology| layer.kind == "conv" && !layer.reads.is_empty();
            let weighted = topology.layers.iter().filter(|layer| layer.coefficients.is_some() && !layer.normalises);
            assert_eq!(weighted.count() - topology.layers.iter().filter(is_projection).count(), depth, "{name}");
            assert_eq!(topology.layers.iter().filter(|layer| layer.kind == "add").count(), additions, "{name}");
            assert_eq!(topology.parameters(), parameters, "{name}");
            let maps: Vec<(usize, [usize; 2])> = topology
                .blocks()
                .filter(|layer| layer.kind == "add")
                .map(|layer| (layer.filters.len(), layer.map.unwrap()))
                .step_by(additions / 3)
                .collect();
            assert_eq!(maps, [(16, [32, 32]), (32, [16, 16]), (64, [8, 8])], "{name}");
        }
    }
}
