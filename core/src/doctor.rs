//! What this machine computes with, and whether a device computes rightly: each shape of an architecture, forward and
//! backward, against the CPU. Kernels that a device picks by measuring have been seen to be wrong for single shapes.

mod shape;

use burn::tensor::Device;
use serde::Serialize;

use self::shape::Shape;
use crate::device::{self, FEATURES, Hardware};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::figure::Table;
use crate::job::Job;
use crate::model::Arch;
use crate::number;

/// Largest error that is still right, relative to the largest value. Single precision stays below 1e-4 over the longest sums;
/// NVIDIA's TF32, which rounds factors to 11 bits, below this.
pub const TOLERANCE: f64 = 1e-3;

/// What programs compute with here.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// All devices, the best first.
    pub devices: Vec<Hardware>,
    /// GPU features that this program was built with.
    pub features: &'static [&'static str],
    /// Threads of the CPU's kernels.
    pub threads: usize,
    /// How long a GPU's kernels are measured before one is picked.
    pub autotune_level: String,
    /// Where the choice is kept.
    pub autotune_cache: &'static str,
}

/// A shape on a device and on the CPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The first layer of the shape, such as `layer1.0.conv1`.
    pub layer: String,
    /// How many layers of the network have it.
    pub layers: usize,
    /// The shape in words.
    pub shape: String,
    /// Largest error of the output, relative to the largest value; infinite if a value is not finite.
    pub forward: f64,
    /// The same of the gradients.
    pub backward: f64,
    /// Whether both are at most [`TOLERANCE`].
    pub is_right: bool,
}

/// Looks around.
pub fn machine() -> Machine {
    let is_kept = cfg!(any(feature = "cuda", feature = "vulkan"));
    Machine {
        devices: device::list(),
        features: FEATURES,
        threads: rayon::current_num_threads(),
        autotune_level: std::env::var("CUBECL_AUTOTUNE_LEVEL").unwrap_or_else(|_| "balanced".to_owned()),
        autotune_cache: match is_kept {
            true => "target/environment of the Cargo workspace around, elsewhere the user's cache folder",
            false => "memory, until the program ends",
        },
    }
}

/// Computes every operator of an architecture (convolutions, linear layers, attention, normalisation of layers, pooling) for `batch` square images of `side` pixels,
/// forward and backward, on the job's device and on the CPU. The CPU is compared with Burn's own operations.
///
/// # Errors
/// [`Error::Interrupted`] after a signal; [`Error::Run`] if the device gives no values back.
pub fn check(arch: &Arch, side: usize, batch: usize, job: &Job) -> Result<Vec<Comparison>> {
    let shapes = shape::of(arch, side);
    let total = shapes.len() as u64;
    let mut compared = Vec::new();
    for (done, (layer, layers, shape)) in shapes.into_iter().enumerate() {
        job.check()?;
        job.emit(Event::Progress { what: shape.to_string(), done: done as u64, total, unit: "shapes" });
        let [forward, backward] = errors(&shape, batch, &job.device)?;
        let is_right = forward <= TOLERANCE && backward <= TOLERANCE;
        compared.push(Comparison { layer, layers, shape: shape.to_string(), forward, backward, is_right });
    }
    Ok(compared)
}

/// A row for each shape.
pub fn table(shapes: &[Comparison]) -> Table {
    let columns =
        ["layer", "layers", "shape", "forward error", "backward error", ""].map(str::to_owned).to_vec();
    let row = |shape: &Comparison| {
        vec![
            shape.layer.clone(),
            shape.layers.to_string(),
            shape.shape.clone(),
            number::significant(shape.forward, 2),
            number::significant(shape.backward, 2),
            if shape.is_right { "right" } else { "WRONG" }.to_owned(),
        ]
    };
    Table { columns, rows: shapes.iter().map(row).collect() }
}

/// Whether all shapes are right.
///
/// # Errors
/// [`Error::Run`] naming those that are not.
pub fn verdict(hardware: &Hardware, shapes: &[Comparison]) -> Result<()> {
    let wrong: Vec<&str> =
        shapes.iter().filter(|shape| !shape.is_right).map(|shape| shape.shape.as_str()).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::run(format!(
        "{} computes {} of {} shapes wrongly, by more than {TOLERANCE:e} ({}); use another device, update its driver, or set CUBECL_AUTOTUNE_LEVEL",
        hardware.choice,
        wrong.len(),
        shapes.len(),
        wrong.join("; ")
    )))
}

/// The largest relative error of the output, and of the gradients.
fn errors(shape: &Shape, batch: usize, device: &Device) -> Result<[f64; 2]> {
    let ours = shape.run(batch, device, shape::Operations::BURN)?;
    let right = shape.run(batch, &Device::flex(), shape::Operations::OWN)?;
    let mut errors = ours.iter().zip(&right).map(|(ours, right)| relative_error(ours, right));
    Ok([errors.next().unwrap_or(0.0), errors.fold(0.0, f64::max)])
}

fn relative_error(ours: &[f32], right: &[f32]) -> f64 {
    let largest = right.iter().fold(0.0, |largest: f64, value| largest.max(f64::from(*value).abs()));
    let differences =
        ours.iter().zip(right).map(|(ours, right)| (f64::from(*ours) - f64::from(*right)).abs());
    let finite = |difference: f64| if difference.is_nan() { f64::INFINITY } else { difference };
    differences.map(finite).fold(0.0, f64::max) / largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_relative_to_the_largest_value_and_not_finite_values_show() {
        assert_eq!(relative_error(&[1.0, -3.5], &[1.0, -4.0]), 0.125);
        assert_eq!(relative_error(&[f32::NAN, -4.0], &[1.0, -4.0]), f64::INFINITY);
        assert_eq!(relative_error(&[1.0, f32::INFINITY], &[1.0, -4.0]), f64::INFINITY);
    }
}
