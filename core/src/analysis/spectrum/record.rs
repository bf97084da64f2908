//! A spectrum on disk: `result.json` with numbers of each layer, `values/<layer>.safetensors` with its singular values.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::singular::{Kernel, SingularValues};
use crate::analysis::record::{Stored, shortened};
use crate::analysis::source::Source;
use crate::analysis::weights::Weights;
use crate::error::{Error, Result};
use crate::file::{self, digest, folder_of, remove_temporaries, write_atomically};
use crate::model::Arch;

/// The spectra of the layers of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spectrum {
    /// Version of this form.
    pub schema: u32,
    /// The checkpoint.
    pub network: Source,
    /// Its architecture.
    pub arch: String,
    /// Side of the network's input, pixels, which the sides of the layers' inputs follow from.
    pub image_size: usize,
    /// The layers so far, bottom to top.
    pub layers: Vec<LayerSpectrum>,
}

/// What the singular values of a layer are exact for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExactFor {
    /// The layer as it is: a linear layer, or a convolution of 1 x 1 with stride 1.
    Layer,
    /// The convolution on inputs that go on periodically; the network's are padded with zeros.
    CircularPadding,
    /// The convolution of 1 x 1 with stride 1; the network keeps only some of the outputs.
    StrideOne,
    /// Both.
    CircularPaddingAndStrideOne,
}

impl ExactFor {
    /// What the words mean for a network.
    pub const NOTE: &str = "Values are those of the weights alone, in double precision. The network pads with zeros, and keeps only \
                            some of the outputs where its stride is not 1: there they are those of a like operator.";

    /// In words, after "exact for".
    pub fn words(self) -> &'static str {
        match self {
            Self::Layer => "the layer",
            Self::CircularPadding => "circular padding",
            Self::StrideOne => "stride 1",
            Self::CircularPaddingAndStrideOne => "circular padding, stride 1",
        }
    }
}

/// Numbers of one layer; of biases, scales and normalisation it knows nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpectrum {
    /// Its weight's name, without `.weight`.
    pub name: String,
    /// Shape of the weight: `[out, in / groups, height, width]` or `[out, in]`.
    pub shape: Vec<usize>,
    /// Groups of channels that it maps, each by itself; as many as channels where it is depthwise.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
    /// Distance between neighbouring windows in the network.
    pub stride: usize,
    /// Side of its square input, pixels.
    pub side: usize,
    /// What the values are exact for.
    pub exact_for: ExactFor,
    /// Whether the kernel is larger than the input, so that some of its taps fall on one pixel and are added.
    pub wraps: bool,
    /// Number of singular values: side^2 min(in, out), those of all groups.
    pub values: usize,
    /// The largest: the spectral norm.
    pub norm: f64,
    /// The smallest.
    pub smallest: f64,
    /// How many are above the rounding errors of the decomposition: above norm * max(in, out) * 2^-52, of a group.
    pub rank: usize,
    /// The sum of their squares: the square of the Frobenius norm.
    pub sum_of_squares: f64,
    /// By how much this sum is off side^2 times the kernel's own sum of squares, as a fraction of it.
    pub sum_of_squares_error: f64,
    /// The sum of squares over the square of the norm; absent if the weight is zero.
    pub stable_rank: Option<f64>,
}

impl Stored for Spectrum {
    fn name(&self) -> String {
        let digest = digest(format!("{}\n{}\n{}", self.network.sha256, self.arch, self.image_size));
        format!("{}{}", shortened(self.network.stem() + "-"), &digest[..8])
    }
}

impl Spectrum {
    /// A spectrum without layers.
    pub(super) fn new(weights: &Weights, image_size: usize) -> Self {
        let (network, arch) = (weights.source.clone(), weights.arch.name.clone());
        Self { schema: 1, network, arch, image_size, layers: Vec::new() }
    }

    /// The layer of that name.
    pub fn layer(&self, name: &str) -> Option<&LayerSpectrum> {
        self.layers.iter().find(|layer| layer.name == name)
    }
}

impl LayerSpectrum {
    /// A convolution `[out, in, height, width]` or a linear layer `[out, in]` on inputs of `side` x `side` pixels, without numbers.
    pub fn new(name: &str, shape: &[usize], stride: usize, side: usize) -> Self {
        let kernel = shape.get(2..).unwrap_or_default().iter().copied().max().unwrap_or(1);
        Self {
            name: name.to_owned(),
            shape: shape.to_vec(),
            groups: 1,
            stride,
            side,
            exact_for: match (stride, kernel) {
                (1, 1) => ExactFor::Layer,
                (1, _) => ExactFor::CircularPadding,
                (_, 1) => ExactFor::StrideOne,
                _ => ExactFor::CircularPaddingAndStrideOne,
            },
            wraps: kernel > side,
            values: 0,
            norm: 0.0,
            smallest: 0.0,
            rank: 0,
            sum_of_squares: 0.0,
            sum_of_squares_error: 0.0,
            stable_rank: None,
        }
    }

    /// All layers of an architecture, bottom to top, on inputs as large as they are for images of `image_size` pixels; without
    /// numbers.
    pub fn planned(arch: &Arch, image_size: usize) -> Vec<Self> {
        let maps = arch.linear_maps(image_size).into_iter();
        let layers = maps.map(|map| {
            let spec = &arch.parameters[map.weight];
            let name = spec.name.trim_end_matches(".weight");
            match spec.shape[..] {
                // Windows that do not overlap: a linear layer over the values of each.
                [outputs, inputs, side, _] if side > 1 && side == map.stride && map.padding == 0 => {
                    Self::new(name, &[outputs, inputs * side * side], 1, 1)
                }
                _ => Self { groups: map.groups, ..Self::new(name, &spec.shape, map.stride, map.side) },
            }
        });
        layers.collect()
    }

    /// The layer with its numbers, and its singular values, from its weight in the shape's order; `check` may end the work.
    ///
    /// # Errors
    /// Those of [`Kernel::singular_values`].
    pub fn decomposed(
        &self,
        weight: &[f32],
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<(Self, SingularValues)> {
        let weight: Vec<f64> = weight.iter().map(|value| f64::from(*value)).collect();
        let mut shape: [usize; 4] = std::array::from_fn(|axis| self.shape.get(axis).copied().unwrap_or(1));
        shape[0] /= self.groups;
        let group = shape.iter().product::<usize>().max(1);
        let kernels: Vec<Kernel> =
            weight.chunks_exact(group).map(|weight| Kernel::new(weight, shape, self.side)).collect();
        let values = kernels.par_iter().map(|kernel| kernel.singular_values(check));
        let values = SingularValues::of_all(values.collect::<Result<_>>()?);

        let end = |value: Option<&f64>| value.copied().unwrap_or(0.0);
        let (norm, sum_of_squares) = (end(values.values.first()), values.sum_of_squares());
        let squares: f64 = kernels.iter().map(Kernel::sum_of_squares).sum();
        let expected = squares * (self.side * self.side) as f64;
        let rounding = norm * shape[0].max(shape[1]) as f64 * f64::EPSILON;
        let layer = Self {
            values: values.count(),
            norm,
            smallest: end(values.values.last()),
            rank: values.values.partition_point(|value| *value > rounding) * values.copies,
            sum_of_squares,
            sum_of_squares_error: if expected > 0.0 { sum_of_squares / expected - 1.0 } else { 0.0 },
            stable_rank: (norm > 0.0).then(|| sum_of_squares / (norm * norm)),
            ..self.clone()
        };
        Ok((layer, values))
    }

    /// The layer's singular values by relative rank, 0 for the largest and 1 for the smallest; those that are rounding errors
    /// are left out, and long lines are thinned.
    pub fn by_rank(&self, values: &SingularValues) -> Vec<(f64, f64)> {
        /// Points of a line.
        const POINTS: usize = 200;
        let kept = self.rank / values.copies.max(1);
        let last = values.values.len().saturating_sub(1).max(1) as f64;
        let points = POINTS.min(kept);
        let rank = |point| point * (kept - 1) / (points - 1).max(1);
        let point = |rank: usize| Some((rank as f64 / last, *values.values.get(rank)?));
        (0..points).map(rank).filter_map(point).collect()
    }
}

fn one() -> usize {
    1
}

fn is_one(value: &usize) -> bool {
    *value == 1
}

impl SingularValues {
    /// Writes `values/<layer>.safetensors`: `values` as float64, from the largest to the smallest, and `copies` as uint64.
    pub(super) fn save(&self, folder: &Path, layer: &str) -> Result<()> {
        let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let copies = (self.copies as u64).to_le_bytes();
        let values = TensorView::new(Dtype::F64, vec![self.values.len()], &bytes).map_err(Error::run)?;
        let copies = TensorView::new(Dtype::U64, Vec::new(), &copies).map_err(Error::run)?;
        let file =
            safetensors::serialize([("values", values), ("copies", copies)], None).map_err(Error::run)?;
        write_atomically(&path(folder, layer), |writer| writer.write_all(&file))
    }

    /// Removes what a kill has left half-written of layers.
    pub fn sweep(folder: &Path) {
        remove_temporaries(folder_of(&path(folder, "")));
    }

    /// Reads what an analysis has written of a layer.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Data`] naming the file.
    pub fn load(folder: &Path, layer: &str) -> Result<Self> {
        let path = path(folder, layer);
        let bytes = file::read(&path)?;
        let parts = || {
            let file = SafeTensors::deserialize(&bytes).ok()?;
            let (values, copies) = (file.tensor("values").ok()?, file.tensor("copies").ok()?);
            let values = values.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            let copies = u64::from_le_bytes(copies.data().try_into().ok()?) as usize;
            Some(Self { values, copies })
        };
        parts().ok_or_else(|| {
            let (file, folder) = (path.display(), folder.display());
            Error::data(format!("{file} is broken; remove {folder} to compute it anew"))
        })
    }
}

fn path(folder: &Path, layer: &str) -> PathBuf {
    folder.join("values").join(format!("{layer}.safetensors"))
}
