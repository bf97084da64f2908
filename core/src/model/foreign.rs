//! The same networks under the names of other programs: checkpoints of OpenAI's and OpenCLIP's CLIP, DINOv2, torchvision's DenseNets as
//! they are downloaded, and networks of grey images (torchxrayvision).

use crate::checkpoint::{Location, NamedTensor, StateDict};
use crate::event::Event;
use crate::job::Job;

/// How a program names the tensors of a network.
struct Dialect {
    /// Whose names they are.
    owner: &'static str,
    /// A part of a name that only this program has.
    sign: &'static str,
    /// What all names begin with; others, such as those of a text tower, are left out.
    prefix: &'static str,
    /// Parts of names, and what we say in their place, in order.
    parts: &'static [(&'static str, &'static str)],
    /// What its training needs and the network does not.
    unused: &'static str,
}

/// All of them. Another one is an entry here.
const DIALECTS: [Dialect; 4] = [
    Dialect {
        owner: "CLIP",
        sign: "visual.class_embedding",
        prefix: "visual.",
        parts: &[
            ("conv1", "patch_embed.proj"),
            ("positional_embedding", "pos_embed"),
            ("class_embedding", "cls_token"),
            ("transformer.resblocks.", "blocks."),
            ("ln_pre", "norm_pre"),
            ("ln_post", "norm"),
            ("ln_", "norm"),
            ("in_proj_", "qkv."),
            ("out_proj", "proj"),
            ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        ],
        unused: "",
    },
    Dialect {
        owner: "DINOv2",
        sign: "mask_token",
        prefix: "",
        parts: &[(".mlp.w12.", ".mlp.fc1."), (".mlp.w3.", ".mlp.fc2."), ("register_tokens", "reg_token")],
        unused: "mask_token",
    },
    Dialect {
        owner: "torchvision's downloads",
        sign: ".norm.1.weight",
        prefix: "",
        parts: &[
            (".norm.1.", ".norm1."),
            (".norm.2.", ".norm2."),
            (".conv.1.", ".conv1."),
            (".conv.2.", ".conv2."),
        ],
        unused: "",
    },
    Dialect { owner: "torchxrayvision", sign: "op_threshs", prefix: "", parts: &[], unused: "op_threshs" },
];

/// The weights that read the images, in each family.
const FIRST: [&str; 5] =
    ["conv1.weight", "conv1.0.weight", "features.conv0.weight", "stem.0.weight", "patch_embed.proj.weight"];

/// A checkpoint's tensors under our names; what was changed is said.
pub fn in_our_names(state: StateDict, location: &Location, job: &Job) -> StateDict {
    let (mut state, owner) = translated(state);
    if let Some(owner) = owner {
        job.emit(Event::Note(format!(
            "{location} has the names of {owner}; they were read as timm's and torchvision's"
        )));
    }
    if let Some(name) = over_three_channels(&mut state) {
        job.emit(Event::Note(format!(
            "{name} in {location} is for grey images; a third of it stands for each of red, green and blue"
        )));
    }
    state
}

/// The tensors under our names, and whose names they had, if they were not ours.
fn translated(mut state: StateDict) -> (StateDict, Option<&'static str>) {
    let has = |sign: &str| state.tensors.iter().any(|tensor| tensor.name.contains(sign));
    let Some(dialect) = DIALECTS.iter().find(|dialect| has(dialect.sign)) else { return (state, None) };
    let own = |tensor: NamedTensor| {
        let rest = tensor.name.strip_prefix(dialect.prefix)?;
        let name = dialect.parts.iter().fold(rest.to_owned(), |name, (from, to)| name.replace(from, to));
        Some(NamedTensor { name, ..tensor }).filter(|tensor| tensor.name != dialect.unused)
    };
    state.tensors = state.tensors.into_iter().filter_map(own).collect();
    as_tokens(&mut state);
    turn_projection(&mut state);
    split_class_position(&mut state);
    (state, Some(dialect.owner))
}

/// Class token and positions with the axes of a batch of tokens.
fn as_tokens(state: &mut StateDict) {
    for tensor in &mut state.tensors {
        match (&*tensor.name, &*tensor.shape) {
            ("cls_token", &[width]) => tensor.shape = vec![1, 1, width],
            ("pos_embed", &[tokens, width]) => tensor.shape = vec![1, tokens, width],
            _ => {}
        }
    }
}

/// CLIP's projection `[width, out]` as a head without a bias.
fn turn_projection(state: &mut StateDict) {
    let Some(tensor) = state.tensors.iter_mut().find(|tensor| tensor.name == "proj") else { return };
    let [width, out] = tensor.shape[..] else { return };
    let data = (0..out * width).map(|index| tensor.data[index % width * out + index / width]).collect();
    *tensor = NamedTensor { name: "head.weight".to_owned(), shape: vec![out, width], data };
    let bias = NamedTensor { name: "head.bias".to_owned(), shape: vec![out], data: vec![0.0; out] };
    state.tensors.push(bias);
}

/// With registers, positions are those of the patches alone, and the class token's is added to it.
fn split_class_position(state: &mut StateDict) {
    if state.get("reg_token").is_none() {
        return;
    }
    let Some(positions) = state.tensors.iter_mut().find(|tensor| tensor.name == "pos_embed") else { return };
    let [1, tokens, width] = positions.shape[..] else { return };
    let patches = positions.data.split_off(width);
    let first = std::mem::replace(&mut positions.data, patches);
    positions.shape = vec![1, tokens - 1, width];
    if let Some(class) = state.tensors.iter_mut().find(|tensor| tensor.name == "cls_token") {
        class.data.iter_mut().zip(first).for_each(|(value, position)| *value += position);
    }
}

/// Spreads the first convolution of a network of grey images over three equal channels; returns its name.
fn over_three_channels(state: &mut StateDict) -> Option<&'static str> {
    FIRST.into_iter().find(|name| {
        let found = state.tensors.iter_mut().find(|tensor| tensor.name == *name);
        let Some(NamedTensor { shape, data, .. }) = found else { return false };
        let [out, 1, height, width] = shape[..] else { return false };
        let spread = data.chunks_exact(height * width).flat_map(|window| {
            let third: Vec<f32> = window.iter().map(|value| value / 3.0).collect();
            [third.clone(), third.clone(), third].concat()
        });
        *data = spread.collect();
        *shape = vec![out, 3, height, width];
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(tensors: &[(&str, &[usize])]) -> StateDict {
        let tensor = |(name, shape): &(&str, &[usize])| {
            let data = (0..shape.iter().product::<usize>()).map(|value| value as f32).collect();
            NamedTensor { name: (*name).to_owned(), shape: shape.to_vec(), data }
        };
        StateDict { tensors: tensors.iter().map(tensor).collect() }
    }

    fn names(state: &StateDict) -> Vec<&str> {
        state.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
    }

    /// Beside timm's `_convert_openai_clip`.
    #[test]
    fn the_image_tower_of_clip_is_read_and_its_text_tower_left_out() {
        let theirs = state(&[
            ("logit_scale", &[]),
            ("token_embedding.weight", &[4, 2]),
            ("transformer.resblocks.0.ln_1.weight", &[2]),
            ("visual.class_embedding", &[2]),
            ("visual.positional_embedding", &[5, 2]),
            ("visual.proj", &[2, 3]),
            ("visual.conv1.weight", &[2, 3, 2, 2]),
            ("visual.ln_pre.weight", &[2]),
            ("visual.transformer.resblocks.0.attn.in_proj_weight", &[6, 2]),
            ("visual.transformer.resblocks.0.attn.out_proj.bias", &[2]),
            ("visual.transformer.resblocks.0.ln_2.bias", &[2]),
            ("visual.transformer.resblocks.0.mlp.c_fc.weight", &[8, 2]),
            ("visual.transformer.resblocks.0.mlp.c_proj.weight", &[2, 8]),
            ("visual.ln_post.weight", &[2]),
        ]);
        let (ours, owner) = translated(theirs);
        assert_eq!(owner, Some("CLIP"));
        let expected = [
            "cls_token",
            "pos_embed",
            "head.weight",
            "patch_embed.proj.weight",
            "norm_pre.weight",
            "blocks.0.attn.qkv.weight",
            "blocks.0.attn.proj.bias",
            "blocks.0.norm2.bias",
            "blocks.0.mlp.fc1.weight",
            "blocks.0.mlp.fc2.weight",
            "norm.weight",
            "head.bias",
        ];
        assert_eq!(names(&ours), expected);
        assert_eq!([&*ours.tensors[0].shape, &ours.tensors[1].shape], [&[1, 1, 2][..], &[1, 5, 2]]);
        assert_eq!(ours.get("head.weight").unwrap().data, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(ours.get("head.bias").unwrap().data, [0.0; 3]);
    }

    /// Beside timm's `_convert_dinov2`.
    #[test]
    fn registers_of_dinov2_take_the_position_from_the_class_token() {
        let theirs = state(&[
            ("cls_token", &[1, 1, 2]),
            ("pos_embed", &[1, 5, 2]),
            ("register_tokens", &[1, 4, 2]),
            ("mask_token", &[1, 2]),
            ("blocks.0.mlp.w12.weight", &[4, 2]),
            ("blocks.0.mlp.w3.bias", &[2]),
        ]);
        let (ours, owner) = translated(theirs);
        assert_eq!(owner, Some("DINOv2"));
        let expected =
            ["cls_token", "pos_embed", "reg_token", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc2.bias"];
        assert_eq!(names(&ours), expected);
        assert_eq!(ours.tensors[0].data, [0.0, 2.0]);
        assert_eq!((&*ours.tensors[1].shape, ours.tensors[1].data[0]), (&[1, 4, 2][..], 2.0));
    }

    #[test]
    fn densenets_of_x_rays_read_three_equal_channels() {
        let name = "features.denseblock1.denselayer1";
        let theirs = state(&[
            ("features.conv0.weight", &[2, 1, 1, 2]),
            (&format!("{name}.norm.1.weight"), &[2]),
            (&format!("{name}.conv.2.weight"), &[2]),
        ]);
        let (mut ours, owner) = translated(theirs);
        assert_eq!(owner, Some("torchvision's downloads"));
        assert_eq!(names(&ours)[1..], [format!("{name}.norm1.weight"), format!("{name}.conv2.weight")]);
        assert_eq!(over_three_channels(&mut ours), Some("features.conv0.weight"));
        assert_eq!(ours.tensors[0].shape, [2, 3, 1, 2]);
        assert_eq!(ours.tensors[0].data[..6], [0.0, 1.0 / 3.0, 0.0, 1.0 / 3.0, 0.0, 1.0 / 3.0]);

        let (ours, owner) = translated(state(&[("features.conv0.weight", &[1]), ("op_threshs", &[18])]));
        assert_eq!((names(&ours), owner), (vec!["features.conv0.weight"], Some("torchxrayvision")));
        let plain = state(&[("conv1.weight", &[2, 3, 1, 1])]);
        assert_eq!(translated(plain.clone()), (plain, None));
    }
}
