//! What tells the members apart.

use crate::model::family;
use crate::model::resnet::{STEM_CHANNELS, Size};

/// How a ResNet is built.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its blocks.
    pub size: Size,
    /// Its stem.
    pub stem: Stem,
    /// Whether means of 2 x 2 pixels halve the images of a skip connection, in place of its convolution's stride.
    pub averages: bool,
}

/// What reads the images.
#[derive(Debug, Clone, Copy)]
pub enum Stem {
    /// A convolution of 7 x 7.
    Plain,
    /// Three of 3 x 3; the channels of the first two.
    Deep([usize; 2]),
}

const BASIC_18: Size = Size::basic([2, 2, 2, 2]);
const BASIC_34: Size = Size::basic([3, 4, 6, 3]);
const DEPTH_26: Size = Size::bottleneck([2, 2, 2, 2]);
const DEPTH_50: Size = Size::bottleneck([3, 4, 6, 3]);
const DEPTH_101: Size = Size::bottleneck([3, 4, 23, 3]);
const DEPTH_152: Size = Size::bottleneck([3, 8, 36, 3]);
const DEPTH_200: Size = Size::bottleneck([3, 24, 36, 3]);

/// As He et al. (2016).
const fn plain(size: Size) -> Plan {
    Plan { size, stem: Stem::Plain, averages: false }
}

/// With a deep stem (ResNet-C; He et al. 2019).
const fn c(size: Size) -> Plan {
    Plan { size, stem: Stem::Deep([32, 32]), averages: false }
}

/// With a deep stem of twice the channels.
const fn s(size: Size) -> Plan {
    Plan { size: size.after_stem(2 * STEM_CHANNELS), stem: Stem::Deep([64, 64]), averages: false }
}

/// With a deep stem and means in skip connections (ResNet-D; He et al. 2019).
const fn d(size: Size) -> Plan {
    Plan { averages: true, ..c(size) }
}

/// As ResNet-D with a stem that widens step by step.
const fn t(size: Size) -> Plan {
    Plan { stem: Stem::Deep([24, 32]), ..d(size) }
}

/// All members, those of torchvision first.
pub const MEMBERS: [(&str, Plan); 43] = [
    ("torchvision/resnet18", plain(BASIC_18)),
    ("torchvision/resnet34", plain(BASIC_34)),
    ("torchvision/resnet50", plain(DEPTH_50)),
    ("torchvision/resnet101", plain(DEPTH_101)),
    ("torchvision/resnet152", plain(DEPTH_152)),
    ("torchvision/resnext50_32x4d", plain(DEPTH_50.with_groups(32, 4))),
    ("torchvision/resnext101_32x8d", plain(DEPTH_101.with_groups(32, 8))),
    ("torchvision/resnext101_64x4d", plain(DEPTH_101.with_groups(64, 4))),
    ("torchvision/wide_resnet50_2", plain(DEPTH_50.with_groups(1, 128))),
    ("torchvision/wide_resnet101_2", plain(DEPTH_101.with_groups(1, 128))),
    ("resnet10t", t(Size::basic([1, 1, 1, 1]))),
    ("resnet14t", t(Size::bottleneck([1, 1, 1, 1]))),
    ("resnet18", plain(BASIC_18)),
    ("resnet18d", d(BASIC_18)),
    ("resnet26", plain(DEPTH_26)),
    ("resnet26d", d(DEPTH_26)),
    ("resnet26t", t(DEPTH_26)),
    ("resnet34", plain(BASIC_34)),
    ("resnet34d", d(BASIC_34)),
    ("resnet50", plain(DEPTH_50)),
    ("resnet50c", c(DEPTH_50)),
    ("resnet50d", d(DEPTH_50)),
    ("resnet50s", s(DEPTH_50)),
    ("resnet50t", t(DEPTH_50)),
    ("resnet101", plain(DEPTH_101)),
    ("resnet101c", c(DEPTH_101)),
    ("resnet101d", d(DEPTH_101)),
    ("resnet101s", s(DEPTH_101)),
    ("resnet152", plain(DEPTH_152)),
    ("resnet152c", c(DEPTH_152)),
    ("resnet152d", d(DEPTH_152)),
    ("resnet152s", s(DEPTH_152)),
    ("resnet200", plain(DEPTH_200)),
    ("resnet200d", d(DEPTH_200)),
    ("resnext50_32x4d", plain(DEPTH_50.with_groups(32, 4))),
    ("resnext50d_32x4d", d(DEPTH_50.with_groups(32, 4))),
    ("resnext101_32x4d", plain(DEPTH_101.with_groups(32, 4))),
    ("resnext101_32x8d", plain(DEPTH_101.with_groups(32, 8))),
    ("resnext101_32x16d", plain(DEPTH_101.with_groups(32, 16))),
    ("resnext101_32x32d", plain(DEPTH_101.with_groups(32, 32))),
    ("resnext101_64x4d", plain(DEPTH_101.with_groups(64, 4))),
    ("wide_resnet50_2", plain(DEPTH_50.with_groups(1, 128))),
    ("wide_resnet101_2", plain(DEPTH_101.with_groups(1, 128))),
];

/// Their names.
pub const NAMES: [&str; MEMBERS.len()] = family::names(&MEMBERS);

/// The plan of a member, and whether it is torchvision's.
pub fn plan(index: usize) -> (Plan, bool) {
    let (name, plan) = MEMBERS[index];
    (plan, name.starts_with("torchvision/"))
}
