//! Sizes of ResNets: their blocks and convolutions, without biases and normalisation (He et al. 2016; ResNeXt, Xie et al. 2017; wide
//! ResNets, Zagoruyko and Komodakis 2016).

/// Channels after the stem of the first ResNets, and of the first stage.
pub const STEM_CHANNELS: usize = 64;

/// The stages that stand for a ResNet in tables: those of the paper's Table 1, then the input of the head and the logits.
const OUTLINE: [&str; 7] = ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"];

/// [`OUTLINE`] as a builder keeps it.
pub fn outline() -> Vec<String> {
    OUTLINE.map(str::to_owned).to_vec()
}

/// How large a ResNet is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    kind: Kind,
    /// Blocks of each stage.
    blocks: [usize; 4],
    /// Channels of the 3 x 3 convolution in the first stage's bottlenecks.
    width: usize,
    /// Groups of this convolution.
    groups: usize,
    /// Channels after the stem.
    stem: usize,
}

#[derive(Debug, Clone, Copy)]
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
    /// `[out, in / groups, height, width]` of its weight.
    pub shape: [usize; 4],
    /// Distance between windows; the 3 x 3 convolution of a bottleneck has the stride of its block.
    pub stride: usize,
    /// Groups of channels.
    pub groups: usize,
}

impl Size {
    /// Blocks of two 3 x 3 convolutions, so many in each stage.
    pub const fn basic(blocks: [usize; 4]) -> Self {
        Self { kind: Kind::Basic, blocks, width: STEM_CHANNELS, groups: 1, stem: STEM_CHANNELS }
    }

    /// Bottlenecks, so many in each stage.
    pub const fn bottleneck(blocks: [usize; 4]) -> Self {
        Self { kind: Kind::Bottleneck, ..Self::basic(blocks) }
    }

    /// The same with a 3 x 3 convolution of `groups` groups, each of `width` channels in the first stage (ResNeXt; with one group,
    /// wide ResNets).
    pub const fn with_groups(self, groups: usize, width: usize) -> Self {
        Self { width: groups * width, groups, ..self }
    }

    /// The same after a stem of so many channels.
    pub const fn after_stem(self, stem: usize) -> Self {
        Self { stem, ..self }
    }

    /// Channels after the stem.
    pub fn stem(&self) -> usize {
        self.stem
    }

    /// All blocks, bottom to top.
    pub fn blocks(&self) -> Vec<BlockPlan> {
        let mut channels = self.stem;
        let mut blocks = Vec::new();
        for (stage, count) in self.blocks.iter().enumerate() {
            for index in 0..*count {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let (plain, width) = (STEM_CHANNELS << stage, self.width << stage);
                let convs = match self.kind {
                    Kind::Basic => vec![(plain, 3, stride, 1), (plain, 3, 1, 1)],
                    Kind::Bottleneck => {
                        vec![(width, 1, 1, 1), (width, 3, stride, self.groups), (4 * plain, 1, 1, 1)]
                    }
                };
                let inputs = channels;
                let convs = convs.into_iter().map(|(out, kernel, stride, groups)| {
                    let shape = [out, channels / groups, kernel, kernel];
                    channels = out;
                    ConvPlan { shape, stride, groups }
                });
                let convs = convs.collect();
                let downsample = (stride > 1 || inputs != channels).then_some(ConvPlan {
                    shape: [channels, inputs, 1, 1],
                    stride,
                    groups: 1,
                });
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
