//! The members of the family: timm's names and sizes.

use crate::model::activation::Activation;
use crate::model::family::names;

/// What distinguishes a vision transformer.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Side of a patch, pixels.
    pub patch: usize,
    /// Channels of a token.
    pub width: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of each attention.
    pub heads: usize,
    /// Channels between the two layers of a perceptron; of one that is gated, after the gate.
    pub hidden: usize,
    /// Side of the images that it was designed for, pixels.
    pub side: usize,
    /// Register tokens (Darcet et al. 2024).
    pub registers: usize,
    /// Whether there is a class token.
    pub has_class: bool,
    /// What the head reads.
    pub pooling: Pooling,
    /// How tokens know their places.
    pub positions: Positions,
    /// Whether tokens are normalised before the first block (CLIP).
    pub is_normalised_first: bool,
    /// Added to variances.
    pub epsilon: f32,
    /// Start of the learned factors of each residual branch (Touvron et al. 2021), if it has them.
    pub layer_scale: Option<f32>,
    /// Of the perceptrons.
    pub activation: Activation,
    /// How perceptrons are gated.
    pub gate: Gate,
    /// What biases queries, keys and values have.
    pub qkv_bias: QkvBias,
}

/// How the tokens of an image become its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The class token.
    Class,
    /// The mean of the patches' tokens.
    Mean,
    /// Attention of a learned query to all tokens, and a perceptron (SigLIP; Zhai et al. 2022).
    Attention,
}

/// How tokens know their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// A learned vector is added to every token.
    All,
    /// A learned vector is added to the token of every patch.
    Patches,
    /// Queries and keys are turned (Su et al. 2021, as DINOv3).
    Rotary,
}

/// How a perceptron is gated (SwiGLU, Shazeer 2020).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It is not.
    None,
    /// Gate and values come from one layer, `fc1`.
    Packed,
    /// Gate and values come from layers of their own, `fc1_g` and `fc1_x`.
    Split,
}

/// Biases of queries, keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QkvBias {
    None,
    All,
    /// Keys have none.
    QueriesAndValues,
}

const fn plan(width: usize, depth: usize, heads: usize) -> Plan {
    Plan {
        patch: 16,
        width,
        depth,
        heads,
        hidden: 4 * width,
        side: 224,
        registers: 0,
        has_class: true,
        pooling: Pooling::Class,
        positions: Positions::All,
        is_normalised_first: false,
        epsilon: 1e-6,
        layer_scale: None,
        activation: Activation::Gelu,
        gate: Gate::None,
        qkv_bias: QkvBias::All,
    }
}

const TINY: Plan = plan(192, 12, 3);
const SMALL: Plan = plan(384, 12, 6);
const MEDIUM: Plan = plan(512, 12, 8);
const BETWIXT: Plan = plan(640, 12, 10);
const BASE: Plan = plan(768, 12, 12);
const LARGE: Plan = plan(1024, 24, 16);
const HUGE: Plan = plan(1280, 32, 16);
const GIANT: Plan = Plan { hidden: 6144, ..plan(1408, 40, 16) };
const SO400M: Plan = Plan { hidden: 4304, ..plan(1152, 27, 16) };
const GIANTOPT: Plan = plan(1536, 40, 16).tanh();
const GIGANTIC: Plan = Plan { hidden: 8192, ..plan(1664, 48, 16) };

impl Plan {
    const fn at(self, patch: usize, side: usize) -> Self {
        Self { patch, side, ..self }
    }

    const fn deit3(self) -> Self {
        Self { positions: Positions::Patches, layer_scale: Some(1e-6), ..self }
    }

    const fn clip(self) -> Self {
        Self { is_normalised_first: true, epsilon: 1e-5, ..self }
    }

    const fn quick(self) -> Self {
        Self { activation: Activation::QuickGelu, ..self.clip() }
    }

    /// The mean of all patches, and no class token.
    const fn gap(self) -> Self {
        Self { has_class: false, pooling: Pooling::Mean, ..self }
    }

    const fn siglip(self) -> Self {
        Self { has_class: false, pooling: Pooling::Attention, ..self }
    }

    const fn tanh(self) -> Self {
        Self { activation: Activation::GeluTanh, ..self }
    }

    /// Without biases of queries, keys and values, and with layer scale.
    const fn lean(self) -> Self {
        Self { qkv_bias: QkvBias::None, layer_scale: Some(1e-6), ..self.gap() }
    }

    const fn dinov2(self) -> Self {
        Self { layer_scale: Some(1e-5), ..self.at(14, 518) }
    }

    const fn registers(self) -> Self {
        Self { registers: 4, positions: Positions::Patches, ..self }
    }

    const fn dinov3(self) -> Self {
        Self {
            registers: 4,
            pooling: Pooling::Mean,
            positions: Positions::Rotary,
            epsilon: 1e-5,
            layer_scale: Some(1e-5),
            qkv_bias: QkvBias::None,
            ..self.at(16, 256)
        }
    }

    const fn qkvb(self) -> Self {
        Self { qkv_bias: QkvBias::QueriesAndValues, ..self }
    }

    const fn gated(self, gate: Gate, hidden: usize) -> Self {
        Self { gate, hidden, activation: Activation::Silu, ..self }
    }
}

const DINOV2_GIANT: Plan = plan(1536, 40, 24).gated(Gate::Packed, 4096).dinov2();
const DINOV3_SMALL_PLUS: Plan = SMALL.gated(Gate::Split, 1536).dinov3();
const DINOV3_HUGE_PLUS: Plan = plan(1280, 32, 20).gated(Gate::Split, 5120).dinov3();

/// All members.
pub const MEMBERS: [(&str, Plan); 114] = [
    ("vit_tiny_patch16_224", TINY),
    ("vit_tiny_patch16_384", TINY.at(16, 384)),
    ("vit_small_patch32_224", SMALL.at(32, 224)),
    ("vit_small_patch32_384", SMALL.at(32, 384)),
    ("vit_small_patch16_224", SMALL),
    ("vit_small_patch16_384", SMALL.at(16, 384)),
    ("vit_small_patch8_224", SMALL.at(8, 224)),
    ("vit_base_patch32_224", BASE.at(32, 224)),
    ("vit_base_patch32_384", BASE.at(32, 384)),
    ("vit_base_patch16_224", BASE),
    ("vit_base_patch16_384", BASE.at(16, 384)),
    ("vit_base_patch8_224", BASE.at(8, 224)),
    ("vit_large_patch32_224", LARGE.at(32, 224)),
    ("vit_large_patch32_384", LARGE.at(32, 384)),
    ("vit_large_patch16_224", LARGE),
    ("vit_large_patch16_384", LARGE.at(16, 384)),
    ("vit_large_patch14_224", LARGE.at(14, 224)),
    ("vit_huge_patch14_224", HUGE.at(14, 224)),
    ("vit_medium_patch16_gap_240", MEDIUM.at(16, 240).lean()),
    ("vit_medium_patch16_gap_256", MEDIUM.at(16, 256).lean()),
    ("vit_medium_patch16_gap_384", MEDIUM.at(16, 384).lean()),
    ("vit_betwixt_patch16_gap_256", BETWIXT.at(16, 256).lean()),
    ("vit_base_patch16_gap_224", plan(768, 12, 16).gap()),
    ("vit_huge_patch14_gap_224", HUGE.at(14, 224).gap()),
    ("vit_huge_patch16_gap_448", HUGE.at(16, 448).gap()),
    ("vit_giant_patch16_gap_224", GIANT.gap()),
    ("deit_tiny_patch16_224", TINY),
    ("deit_small_patch16_224", SMALL),
    ("deit_base_patch16_224", BASE),
    ("deit_base_patch16_384", BASE.at(16, 384)),
    ("deit3_small_patch16_224", SMALL.deit3()),
    ("deit3_small_patch16_384", SMALL.at(16, 384).deit3()),
    ("deit3_medium_patch16_224", MEDIUM.deit3()),
    ("deit3_base_patch16_224", BASE.deit3()),
    ("deit3_base_patch16_384", BASE.at(16, 384).deit3()),
    ("deit3_large_patch16_224", LARGE.deit3()),
    ("deit3_large_patch16_384", LARGE.at(16, 384).deit3()),
    ("deit3_huge_patch14_224", HUGE.at(14, 224).deit3()),
    ("vit_xsmall_patch16_clip_224", plan(256, 10, 4).clip()),
    ("vit_medium_patch32_clip_224", MEDIUM.at(32, 224).clip()),
    ("vit_medium_patch16_clip_224", MEDIUM.clip()),
    ("vit_betwixt_patch32_clip_224", BETWIXT.at(32, 224).clip()),
    ("vit_base_patch32_clip_224", BASE.at(32, 224).clip()),
    ("vit_base_patch32_clip_256", BASE.at(32, 256).clip()),
    ("vit_base_patch32_clip_384", BASE.at(32, 384).clip()),
    ("vit_base_patch32_clip_448", BASE.at(32, 448).clip()),
    ("vit_base_patch16_clip_224", BASE.clip()),
    ("vit_base_patch16_clip_384", BASE.at(16, 384).clip()),
    ("vit_base_patch16_plus_clip_240", plan(896, 12, 14).at(16, 240).clip()),
    ("vit_large_patch14_clip_224", LARGE.at(14, 224).clip()),
    ("vit_large_patch14_clip_336", LARGE.at(14, 336).clip()),
    ("vit_huge_patch14_clip_224", HUGE.at(14, 224).clip()),
    ("vit_huge_patch14_clip_336", HUGE.at(14, 336).clip()),
    ("vit_huge_patch14_clip_378", HUGE.at(14, 378).clip()),
    ("vit_giant_patch14_clip_224", GIANT.at(14, 224).clip()),
    ("vit_gigantic_patch14_clip_224", GIGANTIC.at(14, 224).clip()),
    ("vit_base_patch32_clip_quickgelu_224", BASE.at(32, 224).quick()),
    ("vit_base_patch16_clip_quickgelu_224", BASE.quick()),
    ("vit_large_patch14_clip_quickgelu_224", LARGE.at(14, 224).quick()),
    ("vit_large_patch14_clip_quickgelu_336", LARGE.at(14, 336).quick()),
    ("vit_huge_patch14_clip_quickgelu_224", HUGE.at(14, 224).quick()),
    ("vit_huge_patch14_clip_quickgelu_378", HUGE.at(14, 378).quick()),
    ("vit_gigantic_patch14_clip_quickgelu_224", GIGANTIC.at(14, 224).quick()),
    ("vit_small_patch14_dinov2", SMALL.dinov2()),
    ("vit_base_patch14_dinov2", BASE.dinov2()),
    ("vit_large_patch14_dinov2", LARGE.dinov2()),
    ("vit_giant_patch14_dinov2", DINOV2_GIANT),
    ("vit_small_patch14_reg4_dinov2", SMALL.dinov2().registers()),
    ("vit_base_patch14_reg4_dinov2", BASE.dinov2().registers()),
    ("vit_large_patch14_reg4_dinov2", LARGE.dinov2().registers()),
    ("vit_giant_patch14_reg4_dinov2", DINOV2_GIANT.registers()),
    ("vit_small_patch16_dinov3", SMALL.dinov3()),
    ("vit_small_patch16_dinov3_qkvb", SMALL.dinov3().qkvb()),
    ("vit_small_plus_patch16_dinov3", DINOV3_SMALL_PLUS),
    ("vit_small_plus_patch16_dinov3_qkvb", DINOV3_SMALL_PLUS.qkvb()),
    ("vit_base_patch16_dinov3", BASE.dinov3()),
    ("vit_base_patch16_dinov3_qkvb", BASE.dinov3().qkvb()),
    ("vit_large_patch16_dinov3", LARGE.dinov3()),
    ("vit_large_patch16_dinov3_qkvb", LARGE.dinov3().qkvb()),
    ("vit_huge_plus_patch16_dinov3", DINOV3_HUGE_PLUS),
    ("vit_huge_plus_patch16_dinov3_qkvb", DINOV3_HUGE_PLUS.qkvb()),
    ("vit_base_patch16_siglip_224", BASE.siglip()),
    ("vit_base_patch16_siglip_256", BASE.at(16, 256).siglip()),
    ("vit_base_patch16_siglip_384", BASE.at(16, 384).siglip()),
    ("vit_base_patch16_siglip_512", BASE.at(16, 512).siglip()),
    ("vit_base_patch32_siglip_256", BASE.at(32, 256).tanh().siglip()),
    ("vit_large_patch16_siglip_256", LARGE.at(16, 256).siglip()),
    ("vit_large_patch16_siglip_384", LARGE.at(16, 384).siglip()),
    ("vit_large_patch16_siglip_512", LARGE.at(16, 512).tanh().siglip()),
    ("vit_so400m_patch14_siglip_224", SO400M.at(14, 224).siglip()),
    ("vit_so400m_patch14_siglip_378", SO400M.at(14, 378).siglip()),
    ("vit_so400m_patch16_siglip_256", SO400M.at(16, 256).tanh().siglip()),
    ("vit_so400m_patch16_siglip_384", SO400M.at(16, 384).tanh().siglip()),
    ("vit_so400m_patch16_siglip_512", SO400M.at(16, 512).tanh().siglip()),
    ("vit_giantopt_patch16_siglip_256", GIANTOPT.at(16, 256).siglip()),
    ("vit_giantopt_patch16_siglip_384", GIANTOPT.at(16, 384).siglip()),
    ("vit_base_patch16_siglip_gap_224", BASE.gap()),
    ("vit_base_patch16_siglip_gap_256", BASE.at(16, 256).gap()),
    ("vit_base_patch16_siglip_gap_384", BASE.at(16, 384).gap()),
    ("vit_base_patch16_siglip_gap_512", BASE.at(16, 512).gap()),
    ("vit_base_patch32_siglip_gap_256", BASE.at(32, 256).tanh().gap()),
    ("vit_large_patch16_siglip_gap_256", LARGE.at(16, 256).gap()),
    ("vit_large_patch16_siglip_gap_384", LARGE.at(16, 384).gap()),
    ("vit_large_patch16_siglip_gap_512", LARGE.at(16, 512).tanh().gap()),
    ("vit_so400m_patch14_siglip_gap_224", SO400M.at(14, 224).gap()),
    ("vit_so400m_patch14_siglip_gap_378", SO400M.at(14, 378).gap()),
    ("vit_so400m_patch14_siglip_gap_448", SO400M.at(14, 448).gap()),
    ("vit_so400m_patch14_siglip_gap_896", SO400M.at(14, 896).gap()),
    ("vit_so400m_patch16_siglip_gap_256", SO400M.at(16, 256).tanh().gap()),
    ("vit_so400m_patch16_siglip_gap_384", SO400M.at(16, 384).tanh().gap()),
    ("vit_so400m_patch16_siglip_gap_512", SO400M.at(16, 512).tanh().gap()),
    ("vit_giantopt_patch16_siglip_gap_256", GIANTOPT.at(16, 256).gap()),
    ("vit_giantopt_patch16_siglip_gap_384", GIANTOPT.at(16, 384).gap()),
    ("test_vit", Plan { hidden: 192, side: 160, ..plan(64, 6, 2) }),
];

/// Their names.
pub const NAMES: [&str; MEMBERS.len()] = names(&MEMBERS);
