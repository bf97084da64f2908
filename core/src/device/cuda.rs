//! NVIDIA's GPUs, through CUDA's driver.

use burn::tensor::Device;
use cudarc::driver::result::device;
use cudarc::driver::{CudaContext, result, sys};

use super::{Choice, Hardware, Kind};

/// All GPUs that CUDA's driver lists; none without the driver.
pub(super) fn list() -> Vec<Hardware> {
    // SAFETY: this only asks whether the driver's library can be loaded.
    if !unsafe { sys::is_culib_present() } {
        return Vec::new();
    }
    let count = CudaContext::device_count().unwrap_or(0);
    let found = (0..count).filter_map(|number| Some((number, device::get(number).ok()?)));
    let described = found.map(|(number, gpu)| Hardware {
        choice: Choice::Cuda(number as usize),
        name: device::get_name(gpu).unwrap_or_default(),
        kind: Kind::Discrete,
        interface: "CUDA".to_owned(),
        driver: version(),
        // SAFETY: `device::get` returned the GPU.
        memory: unsafe { device::total_mem(gpu) }.ok().map(|bytes| bytes as u64),
    });
    described.collect()
}

/// Initialises a GPU; the error says in words why it cannot be used.
pub(super) fn start(number: usize) -> Result<Device, String> {
    result::init().map_err(|error| error.to_string())?;
    Ok(Device::cuda(number))
}

/// The newest CUDA version that the driver supports, such as `13.0`.
fn version() -> String {
    let mut version = 0;
    // SAFETY: the driver is loaded, and writes one number.
    let told = unsafe { sys::cuDriverGetVersion(&mut version) }.result();
    told.map_or_else(|_| String::new(), |()| format!("{}.{}", version / 1000, version % 1000 / 10))
}
