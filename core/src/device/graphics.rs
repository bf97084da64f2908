//! GPUs behind Vulkan, Metal and DirectX 12, through wgpu.

use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use burn::tensor::wgpu::WgpuBackend;
use burn::tensor::wgpu::wgpu::{AdapterInfo, Backend, Backends, DeviceType, Instance, InstanceDescriptor};
use burn::tensor::{Device, DeviceKind};

use super::{Choice, Hardware, Kind};

/// All GPUs of this machine: each by its number in Vulkan, in a build with that feature, and the best one as WebGPU's.
pub(super) fn list() -> Vec<Hardware> {
    let mut devices = Vec::new();
    if cfg!(feature = "vulkan") {
        devices
            .extend(vulkan().enumerate().map(|(number, adapter)| hardware(Choice::Vulkan(number), adapter)));
    }
    devices.extend(adapters().first().map(|adapter| hardware(Choice::Wgpu, adapter)));
    devices
}

/// Whether the best GPU is also the first one of Vulkan.
#[cfg(feature = "vulkan")]
pub(super) fn best_is_vulkan() -> bool {
    adapters().first().is_some_and(|adapter| adapter.backend == Backend::Vulkan)
}

/// Initialises the GPU of a choice; the error says in words why it cannot be used.
pub(super) fn start(choice: Choice) -> Result<Device, String> {
    let adapter = match choice {
        Choice::Vulkan(number) => vulkan().nth(number),
        _ => adapters().first(),
    };
    let adapter = adapter.ok_or("the system no longer lists it")?;
    let is_software = adapter.backend == Backend::Vulkan && adapter.device_type == DeviceType::Cpu;
    if cfg!(feature = "vulkan") && is_software {
        // Mesa's llvmpipe (versions 22 and 25) ends the whole process while it compiles a matrix product.
        return Err("it is a software GPU, whose driver crashes while it compiles the SPIR-V shaders of a build with the \
                    feature vulkan; a build with the feature wgpu alone can use it"
            .to_owned());
    }
    let interface = match adapter.backend {
        Backend::Vulkan => WgpuBackend::Vulkan,
        Backend::Metal => WgpuBackend::Metal,
        Backend::Dx12 => WgpuBackend::Dx12,
        _ => WgpuBackend::Auto,
    };
    // wgpu counts the GPUs of a kind, in its own order.
    let index = |kind: DeviceType| {
        let same =
            adapters().iter().filter(|other| other.backend == adapter.backend && other.device_type == kind);
        same.take_while(|other| !std::ptr::eq(*other, adapter)).count()
    };
    let kind = match adapter.device_type {
        kind @ DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(index(kind)),
        kind @ DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(index(kind)),
        kind @ DeviceType::VirtualGpu => DeviceKind::VirtualGpu(index(kind)),
        DeviceType::Cpu => DeviceKind::Cpu,
        DeviceType::Other => DeviceKind::DefaultDevice,
    };
    let options = Device::wgpu_options().device_kind(kind).graphics_api(interface);
    options.init().map_err(|error| error.to_string())
}

/// The adapters that wgpu finds, the best first. They are listed once, and the instance is kept: Vulkan's loader crashes where
/// instances are created and dropped repeatedly.
fn adapters() -> &'static [AdapterInfo] {
    static FOUND: OnceLock<(Instance, Vec<AdapterInfo>)> = OnceLock::new();
    let (_, adapters) = FOUND.get_or_init(|| {
        let backends = Backends::PRIMARY;
        let instance = Instance::new(InstanceDescriptor {
            backends,
            ..InstanceDescriptor::new_without_display_handle()
        });
        let found = pin!(instance.enumerate_adapters(backends)).poll(&mut Context::from_waker(Waker::noop()));
        let mut adapters: Vec<AdapterInfo> = match found {
            Poll::Ready(found) => found.iter().map(|adapter| adapter.get_info()).collect(),
            // Outside a browser the list is there at once.
            Poll::Pending => Vec::new(),
        };
        adapters.sort_by_key(|adapter| match adapter.device_type {
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu => 2,
            DeviceType::Other => 3,
            DeviceType::Cpu => 4,
        });
        (instance, adapters)
    });
    adapters
}

fn vulkan() -> impl Iterator<Item = &'static AdapterInfo> {
    adapters().iter().filter(|adapter| adapter.backend == Backend::Vulkan)
}

fn hardware(choice: Choice, adapter: &AdapterInfo) -> Hardware {
    Hardware {
        choice,
        name: adapter.name.clone(),
        kind: match adapter.device_type {
            DeviceType::DiscreteGpu => Kind::Discrete,
            DeviceType::IntegratedGpu => Kind::Integrated,
            DeviceType::VirtualGpu => Kind::Virtual,
            DeviceType::Cpu => Kind::Software,
            DeviceType::Other => Kind::Other,
        },
        interface: adapter.backend.to_string(),
        driver: format!("{} {}", adapter.driver, adapter.driver_info).trim().to_owned(),
        // WebGPU does not report it.
        memory: None,
    }
}
