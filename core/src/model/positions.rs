//! Learned positions for a grid of another size, as timm resamples them (`resample_abs_pos_embed`): bicubic, with antialiasing.

use super::arch::Arch;
use crate::checkpoint::{Location, NamedTensor, StateDict};
use crate::config::Interpolation;
use crate::data::Mixture;
use crate::event::Event;
use crate::job::Job;

/// Grids of patches, `side x side` each, of which positions were resampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampled {
    /// Side of the checkpoint's grid.
    pub from: usize,
    /// Side of the network's grid.
    pub to: usize,
}

/// A state dict with positions for the grid of an architecture, and what was done to them; unchanged where they fit, or where they
/// are no positions of a square grid.
pub fn fitted(arch: &Arch, mut state: StateDict) -> (StateDict, Option<Resampled>) {
    let Some(grid) = arch.grid else { return (state, None) };
    let spec = &arch.parameters[grid.parameter];
    let [_, positions, width] = spec.shape[..] else { return (state, None) };
    let found = state.tensors.iter_mut().find(|tensor| tensor.name == spec.name);
    let Some(NamedTensor { shape, data, .. }) = found else { return (state, None) };
    let side = |positions: usize| {
        let patches = positions.checked_sub(grid.prefix)?;
        Some(patches.isqrt()).filter(|side| *side > 0 && side * side == patches)
    };
    let sides = match shape[..] {
        [1, old, same] if same == width && old != positions => side(old).zip(side(positions)),
        _ => None,
    };
    let Some((from, to)) = sides else { return (state, None) };
    let (prefix, patches) = data.split_at(grid.prefix * width);
    let mut resampled = prefix.to_vec();
    let rows = along(patches, [1, from, from * width], to);
    resampled.extend(along(&rows, [to, from, width], to));
    (*shape, *data) = (spec.shape.clone(), resampled);
    (state, Some(Resampled { from, to }))
}

/// As [`fitted`], for a checkpoint; what was done is said.
pub fn fitted_and_said(arch: &Arch, state: StateDict, location: &Location, job: &Job) -> StateDict {
    let (state, resampled) = fitted(arch, state);
    if let Some(Resampled { from, to }) = resampled {
        job.emit(Event::Note(format!(
            "the positions of {from} x {from} patches in {location} were resampled to {to} x {to} (bicubic)"
        )));
    }
    state
}

/// Resamples the middle axis of `[before, length, after]` to a new length.
fn along(values: &[f32], [before, length, after]: [usize; 3], new: usize) -> Vec<f32> {
    let mixture = Mixture::new(length, new, Interpolation::Bicubic);
    let mut output = Vec::with_capacity(before * new * after);
    for block in values.chunks_exact(length * after) {
        for (first, weights) in mixture.lines() {
            let mut sums = vec![0.0; after];
            for (row, weight) in block[first * after..].chunks_exact(after).zip(weights) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += *weight as f32 * value);
            }
            output.extend(sums);
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_resampled_as_timm_does() {
        // A class token and a grid of 3 x 3, two channels of 192, to 2 x 2 and to 5 x 5 (the first row).
        let values = |position: usize, channel: usize| ((position * 7 + channel * 3) % 11) as f32 * 0.25;
        let data: Vec<f32> =
            (0..10).flat_map(|position| (0..192).map(move |c| values(position, c))).collect();
        let tensor = NamedTensor { name: "pos_embed".to_owned(), shape: vec![1, 10, 192], data };
        let state = StateDict { tensors: vec![tensor] };
        let right: [(usize, &[[f32; 2]]); 2] = [
            (2, &[[1.252408, 2.112761], [1.770064, 0.732343], [0.907303, 1.767656], [1.42496, 0.387239]]),
            (
                5,
                &[
                    [1.844339, 2.594339],
                    [1.339763, 2.212898],
                    [0.768868, 1.518868],
                    [1.860286, 0.824838],
                    [2.650943, 0.443396],
                ],
            ),
        ];
        for (to, right) in right {
            let arch = Arch::for_images("vit_tiny_patch16_224", 5, 16 * to).unwrap();
            let (fitted, what) = fitted(&arch, state.clone());
            assert_eq!(what, Some(Resampled { from: 3, to }));
            let tensor = fitted.get("pos_embed").unwrap();
            assert_eq!(tensor.shape, [1, 1 + to * to, 192]);
            assert_eq!(tensor.data[..192], state.tensors[0].data[..192]);
            for (row, right) in tensor.data.chunks_exact(192).skip(1).zip(right) {
                let close = (row[0] - right[0]).abs() < 1e-5 && (row[1] - right[1]).abs() < 1e-5;
                assert!(close, "{to}: {:?} instead of {right:?}", &row[..2]);
            }
        }
        let same = Arch::for_images("vit_tiny_patch16_224", 5, 48).unwrap();
        assert_eq!(fitted(&same, state.clone()), (state, None));
    }
}
