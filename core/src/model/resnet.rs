//! Sizes of ResNets: their blocks and convolutions, without biases and normalisation (He et al. 2016).

/// Channels after the stem.
pub const STEM_CHANNELS: usize = 64;

/// The stages that stand for a ResNet in tables: those of the paper's Table 1, then the input of the head and the logits.
const OUTLINE: [&str; 7] = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"];

/// [`OUTLINE`] as a builder keeps it.
pub fn outline() -> Vec<String> {
    OUTLINE.map(str::to_owned).to_vec()
}

/// The kind of block and the number of blocks in each stage, of ResNet-18, 34, 50, 101 and 152.
pub const SIZES: [Size; 5] = [
    Size { kind: Kind::Basic, blocks: [2, 2, 2, 2] },
    Size { kind: Kind::Basic, blocks: [3, 4, 6, 3] },
    Size { kind: Kind::Bottleneck, blocks: [3, 4, 6, 3] },
    Size { kind: Kind::Bottleneck, blocks: [3, 4, 23, 3] },
    Size { kind: Kind::Bottleneck, blocks: [3, 8, 36, 3] },
];

/// How large a ResNet is.
pub struct Size {
    kind: Kind,
    blocks: [usize; 4],
}

enum Kind {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3 and 1 x 1 to four times the width.
    Bottleneck,
}

/// A residual block.
pub struct BlockPlan {
    /// Name of the module, such as `layer1.0`.
    pub name: String,
    /// Its convolutions in sequence.
    pub convs: Vec<ConvPlan>,
    /// The 1 x 1 convolution of the skip connection, where shapes change.
    pub downsample: Option<ConvPlan>,
}

/// A convolution.
#[derive(Clone, Copy)]
pub struct ConvPlan {
    /// `[out, in, height, width]` of its weight.
    pub shape: [usize; 4],
    /// Distance between windows; the 3 x 3 convolution of a bottleneck has the stride of its block.
    pub stride: usize,
}

impl Size {
    /// All blocks, bottom to top.
    pub fn blocks(&self) -> Vec<BlockPlan> {
        let mut channels = STEM_CHANNELS;
        let mut blocks = Vec::new();
        for (stage, count) in self.blocks.iter().enumerate() {
            for index in 0..*count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let width = STEM_CHANNELS << stage;
                let convs = match self.kind {
                    Kind::Basic => vec![(width, 3, stride), (width, 3, 1)],
                    Kind::Bottleneck => vec![(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)],
                };
                let inputs = channels;
                let convs = convs.into_iter().map(|(out, kernel, stride)| {
                    let shape = [out, channels, kernel, kernel];
                    channels = out;
                    ConvPlan { shape, stride }
                });
                let convs = convs.collect();
                let downsample = (stride > 1 || inputs != channels)
                    .then_some(ConvPlan { shape: [channels, inputs, 1, 1], stride });
                blocks.push(BlockPlan { name: format!("layer{}.{index}", stage + 1), convs, downsample });
            }
        }
        blocks
    }

    /// Channels after the last block.
    pub fn features(&self) -> usize {
        match self.kind {
            Kind::Basic => 512,
            Kind::Bottleneck => 2048,
        }
    }
}
