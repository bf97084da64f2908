//! The members of the family: timm's names and sizes.

use crate::model::family::names;

/// What distinguishes a ConvNeXt.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Blocks of each stage.
    pub depths: [usize; 4],
    /// Channels of each stage.
    pub widths: [usize; 4],
    /// Whether the perceptrons are convolutions of 1 x 1, whose weights have four axes.
    pub has_convolutions: bool,
    /// Whether responses are normalised in place of a learned factor of each branch (V2).
    pub is_v2: bool,
}

const fn plan(depth: usize, width: usize) -> Plan {
    Plan {
        depths: [3, 3, depth, 3],
        widths: [width, 2 * width, 4 * width, 8 * width],
        has_convolutions: false,
        is_v2: false,
    }
}

const fn small(depth: usize, width: usize) -> Plan {
    Plan { depths: [2, 2, depth, 2], ..plan(depth, width) }
}

impl Plan {
    const fn with_convolutions(self) -> Self {
        Self { has_convolutions: true, ..self }
    }

    const fn v2(self) -> Self {
        Self { is_v2: true, ..self }
    }
}

/// All members.
pub const MEMBERS: [(&str, Plan); 18] = [
    ("convnext_atto", small(6, 40).with_convolutions()),
    ("convnext_femto", small(6, 48).with_convolutions()),
    ("convnext_pico", small(6, 64).with_convolutions()),
    ("convnext_nano", small(8, 80).with_convolutions()),
    ("convnext_tiny", plan(9, 96)),
    ("convnext_small", plan(27, 96)),
    ("convnext_base", plan(27, 128)),
    ("convnext_large", plan(27, 192)),
    ("convnext_xlarge", plan(27, 256)),
    ("convnextv2_atto", small(6, 40).with_convolutions().v2()),
    ("convnextv2_femto", small(6, 48).with_convolutions().v2()),
    ("convnextv2_pico", small(6, 64).with_convolutions().v2()),
    ("convnextv2_nano", small(8, 80).with_convolutions().v2()),
    ("convnextv2_tiny", plan(9, 96).v2()),
    ("convnextv2_small", plan(27, 96).v2()),
    ("convnextv2_base", plan(27, 128).v2()),
    ("convnextv2_large", plan(27, 192).v2()),
    ("convnextv2_huge", plan(27, 352).v2()),
];

/// Their names.
pub const NAMES: [&str; MEMBERS.len()] = names(&MEMBERS);
