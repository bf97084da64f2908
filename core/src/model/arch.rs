//! Architectures as lists of parameters: Fixup ResNets (Zhang et al. 2019) with PyTorch's names and order.

use crate::error::{Error, Result};

/// The architectures there are, with the number of blocks in each stage.
const FIXUP_RESNETS: [(&str, Kind, [usize; 4]); 5] = [
    ("fixup_resnet18", Kind::Basic, [2, 2, 2, 2]),
    ("fixup_resnet34", Kind::Basic, [3, 4, 6, 3]),
    ("fixup_resnet50", Kind::Bottleneck, [3, 4, 6, 3]),
    ("fixup_resnet101", Kind::Bottleneck, [3, 4, 23, 3]),
    ("fixup_resnet152", Kind::Bottleneck, [3, 8, 36, 3]),
];

/// Channels after the stem.
const STEM_CHANNELS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3 and 1 x 1 to four times the width.
    Bottleneck,
}

/// A network's parameters and how its blocks use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arch {
    /// Name, such as `fixup_resnet50`.
    pub name: String,
    /// Outputs of the last layer.
    pub classes: usize,
    /// All parameters, in the order of PyTorch's state dict.
    pub parameters: Vec<Spec>,
    /// The stem's parameters: bias, weight.
    pub stem: [usize; 2],
    /// The four stages.
    pub stages: [Vec<Block>; 4],
    /// The head's parameters: input bias, weight, bias.
    pub head: [usize; 3],
    /// Blocks in all stages, the L of Fixup's initialisation.
    pub depth: usize,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// PyTorch's name, without `module.`.
    pub name: String,
    /// PyTorch's shape: `[out, in, height, width]`, `[out, in]` or `[size]`.
    pub shape: Vec<usize>,
    /// How Fixup starts it.
    pub start: Start,
}

/// The distribution a parameter starts from (PAPER section 2.1; Fixup, section 3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// A constant.
    Constant(f32),
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform in plus and minus this bound.
    Uniform(f64),
}

impl Eq for Start {}

/// A residual block: convolutions in a row and a way around them. Numbers are indices of parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Name of the module, such as `layer1.0`.
    pub name: String,
    /// The convolutions; the output of each passes a ReLU, of the last after the addition.
    pub convs: Vec<Conv>,
    /// Factor of the last convolution.
    pub scale: usize,
    /// Weight of the 1 x 1 convolution on the way around, where shapes change. It shares the first input bias.
    pub downsample: Option<usize>,
    /// Stride of the block.
    pub stride: usize,
}

/// A convolution of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv {
    /// Weight.
    pub weight: usize,
    /// Bias before it.
    pub before: usize,
    /// Bias after it.
    pub after: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

impl Arch {
    /// The names of all architectures.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FIXUP_RESNETS.iter().map(|(name, ..)| *name)
    }

    /// The architecture `name` for `classes` outputs.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no such architecture.
    pub fn new(name: &str, classes: usize) -> Result<Self> {
        let Some((_, kind, layers)) = FIXUP_RESNETS.iter().find(|(known, ..)| *known == name) else {
            let known: Vec<_> = Self::names().collect();
            return Err(Error::usage(format!(
                "unknown architecture {name}; set model.arch to one of {}",
                known.join(", ")
            )));
        };
        let mut list = List(Vec::new());
        let depth = layers.iter().sum();
        let [bias1, bias2] = ["bias1", "bias2"].map(|name| list.scalar(name, 0.0));
        let fan_in: usize = 3 * 7 * 7;
        let stem_start = Start::Uniform((fan_in as f64).powf(-0.5));
        let conv1 = list.add("conv1.weight", vec![64, 3, 7, 7], stem_start);
        let mut channels = STEM_CHANNELS;
        let stages = std::array::from_fn(|stage| {
            (0..layers[stage])
                .map(|index| {
                    let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                    let name = format!("layer{}.{index}", stage + 1);
                    let width = STEM_CHANNELS << stage;
                    list.block(name, *kind, &mut channels, width, stride, depth)
                })
                .collect()
        });
        let head_start = Start::Uniform((channels as f64).powf(-0.5));
        let weight = list.add("fc.weight", vec![classes, channels], head_start);
        let bias = list.add("fc.bias", vec![classes], head_start);
        Ok(Self {
            name: name.to_owned(),
            classes,
            parameters: list.0,
            stem: [bias1, conv1],
            stages,
            head: [bias2, weight, bias],
            depth,
        })
    }

    /// The modules of the paper's Figure 5, bottom to top: `conv1`, `layer1.0` ... `fc`.
    pub fn modules(&self) -> Vec<&str> {
        let blocks = self.stages.iter().flatten().map(|block| block.name.as_str());
        std::iter::once("conv1").chain(blocks).chain(["fc"]).collect()
    }

    /// Whether a parameter belongs to the head, which fine-tuning does not take over.
    pub fn is_head(name: &str) -> bool {
        name.starts_with("fc.")
    }
}

/// The parameters so far.
struct List(Vec<Spec>);

impl List {
    fn add(&mut self, name: &str, shape: Vec<usize>, start: Start) -> usize {
        self.0.push(Spec { name: name.to_owned(), shape, start });
        self.0.len() - 1
    }

    fn scalar(&mut self, name: &str, value: f32) -> usize {
        self.add(name, vec![1], Start::Constant(value))
    }

    fn conv(&mut self, name: &str, shape: [usize; 4], shrink: f64) -> usize {
        let [out, _, height, width] = shape;
        let deviation = (2.0 / (out * height * width) as f64).sqrt() * shrink;
        let start = if shrink == 0.0 { Start::Constant(0.0) } else { Start::Normal(deviation) };
        self.add(name, shape.to_vec(), start)
    }

    fn block(
        &mut self,
        name: String,
        kind: Kind,
        channels: &mut usize,
        width: usize,
        stride: usize,
        depth: usize,
    ) -> Block {
        let (kernels, widths, strides) = match kind {
            Kind::Basic => (vec![3, 3], vec![width, width], vec![stride, 1]),
            Kind::Bottleneck => (vec![1, 3, 1], vec![width, width, 4 * width], vec![1, stride, 1]),
        };
        let (inputs, last) = (*channels, kernels.len() - 1);
        let mut scale = 0;
        let biases: Vec<[usize; 2]> = (0..=last)
            .map(|k| {
                let before = self.scalar(&format!("{name}.bias{}a", k + 1), 0.0);
                if k == last {
                    scale = self.scalar(&format!("{name}.scale"), 1.0);
                }
                [before, self.scalar(&format!("{name}.bias{}b", k + 1), 0.0)]
            })
            .collect();
        // A block of m convolutions starts them smaller by depth^(-1 / (2 m - 2)), the last one at zero.
        let shrink = (depth as f64).powf(-1.0 / (2 * last) as f64);
        let convs = (0..=last)
            .map(|k| {
                let shape = [widths[k], *channels, kernels[k], kernels[k]];
                *channels = widths[k];
                Conv {
                    weight: self.conv(
                        &format!("{name}.conv{}.weight", k + 1),
                        shape,
                        if k == last { 0.0 } else { shrink },
                    ),
                    before: biases[k][0],
                    after: biases[k][1],
                    stride: strides[k],
                    padding: kernels[k] / 2,
                }
            })
            .collect();
        let downsample = (stride > 1 || inputs != *channels)
            .then(|| self.conv(&format!("{name}.downsample.weight"), [*channels, inputs, 1, 1], 1.0));
        Block { name, convs, scale, downsample, stride }
    }
}
