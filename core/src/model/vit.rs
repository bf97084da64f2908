//! Vision transformers (Dosovitskiy et al. 2021) with timm's names: ViT, DeiT, DINOv2, DINOv3 and the image towers of CLIP and
//! SigLIP.

mod attention_pool;
mod block;
mod members;
mod tokens;

use std::sync::Arc;

use self::attention_pool::AttentionPool;
use self::block::Block;
use self::members::{MEMBERS, NAMES, Plan, Pooling, Positions};
use self::tokens::{PatchEmbed, Pool, Prepend, angles};
use super::family::{Builder, Family, Grid, Tokens};
use super::layer_norm::LayerNorm;
use super::spec::Start;
use crate::error::Result;

/// `vit_tiny_patch16_224` and its kin.
pub const FAMILY: Family = Family { names: &NAMES, build };

fn build(index: usize, builder: &mut Builder) -> Result<()> {
    let plan = &MEMBERS[index].1;
    let Plan { patch, width, registers, has_class, .. } = *plan;
    let side = builder.image_side(plan.side, patch)?;
    let grid = side / patch;
    let prefix = usize::from(has_class) + registers;
    let tokens = prefix + grid * grid;
    let head_reads_class = plan.pooling == Pooling::Class;
    builder.tokens = Some(Tokens { count: tokens, prefix, has_class, head_reads_class });
    let small = Start::Normal(1e-6);

    let class = has_class.then(|| builder.add("cls_token".to_owned(), &[1, 1, width], small));
    let register =
        (registers > 0).then(|| builder.add("reg_token".to_owned(), &[1, registers, width], small));
    let covered = match plan.positions {
        Positions::All => Some(prefix),
        Positions::Patches => Some(0),
        Positions::Rotary => None,
    };
    let positions = covered.map(|prefix| {
        let shape = [1, prefix + grid * grid, width];
        let index = builder.add("pos_embed".to_owned(), &shape, Start::Normal(0.02));
        builder.grid = Some(Grid { parameter: index, patch, prefix });
        index
    });
    let start = Start::pytorch(3 * patch * patch);
    builder.stage("patch_embed", &[], |builder| PatchEmbed {
        weight: builder.add("patch_embed.proj.weight".to_owned(), &[width, 3, patch, patch], start),
        // CLIP has none.
        bias: (!plan.is_normalised_first)
            .then(|| builder.add("patch_embed.proj.bias".to_owned(), &[width], start)),
        patch,
    });
    let owned: Vec<usize> = [class, register, positions].into_iter().flatten().collect();
    builder.stage("pos_drop", &owned, |_| Prepend {
        class,
        register,
        positions,
        covers_prefix: covered.is_some_and(|covered| covered > 0),
    });
    if plan.is_normalised_first {
        let sizes = [tokens, width];
        builder.stage("norm_pre", &[], |builder| LayerNorm::new("norm_pre", sizes, plan.epsilon, builder));
    }
    let angles = matches!(plan.positions, Positions::Rotary)
        .then(|| Arc::new(angles(grid, prefix, width / plan.heads)));
    for number in 0..plan.depth {
        let name = format!("blocks.{number}");
        builder.next_layer();
        builder.stage(&name, &[], |builder| Block::new(&name, plan, tokens, angles.clone(), builder));
    }
    builder.stage("norm", &[], |builder| LayerNorm::new("norm", [tokens, width], plan.epsilon, builder));
    builder.next_layer();
    match plan.pooling {
        Pooling::Attention => {
            builder.stage("attn_pool", &[], |builder| AttentionPool::new(plan, tokens, builder))
        }
        Pooling::Class | Pooling::Mean => {
            builder.stage("fc_norm", &[], |_| Pool { prefix, takes_class: head_reads_class });
        }
    }
    builder.classifier("head", width, None, [Start::Normal(0.02), Start::Constant(0.0)]);
    builder.outline_of_blocks("patch_embed", "blocks", plan.depth, &["norm", "head"]);
    Ok(())
}
