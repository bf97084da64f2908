//! `runner doctor`: the devices of this machine, and whether they compute as the CPU does.

use anyhow::Result;
use basin_core::device::describe;
use basin_core::doctor::{Machine, TOLERANCE, check, machine, table, verdict};
use basin_core::figure::Table;
use basin_core::model::Arch;
use basin_core::number::ABSENT;
use clap::Args;
use serde_json::json;

use super::{print, working};
use crate::args::Device;

#[derive(Debug, Args)]
pub struct Doctor {
    /// Architecture whose shapes are computed.
    #[arg(long, default_value = "fixup_resnet18", value_name = "NAME")]
    arch: String,
    /// Side of its square images, pixels.
    #[arg(long, default_value_t = 224, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: u16,
    /// Batch size; devices choose their kernels by it.
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    batch: u16,
    #[command(flatten)]
    device: Device,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Prints what there is, compares each shape, and fails if one is off.
    pub fn run(&self) -> Result<()> {
        /// Classes of the linear layer: as many as DomainNet has.
        const CLASSES: usize = 345;
        self.device.processor.instructions.0.choose()?;
        let (arch, machine) = (Arch::for_images(&self.arch, CLASSES, self.size.into())?, machine());
        if !self.json {
            print(&about(&machine))?;
        }
        let (hardware, shapes) = working(&self.device, |job| {
            Ok((describe(&job.device), check(&arch, self.size.into(), self.batch.into(), job)?))
        })?;
        if self.json {
            let result = json!({
                "machine": machine, "device": hardware, "arch": arch.name, "size": self.size, "batch": self.batch,
                "tolerance": TOLERANCE, "shapes": shapes,
            });
            print(&format!("{result}\n"))?;
        } else {
            print(&format!("\nchecked on {hardware}\n{}", table(&shapes).text()))?;
        }
        Ok(verdict(&hardware, &shapes)?)
    }
}

fn about(machine: &Machine) -> String {
    let devices = machine.devices.iter().map(|hardware| {
        let cells = [
            hardware.choice.to_string(),
            format!("{:?}", hardware.kind).to_lowercase(),
            hardware.memory_in_words().unwrap_or_default(),
            hardware.interface.clone(),
            hardware.name.clone(),
            hardware.driver.clone(),
        ];
        cells.map(|cell| if cell.is_empty() { ABSENT.to_owned() } else { cell }).to_vec()
    });
    let columns = ["device", "kind", "memory", "interface", "name", "driver"].map(str::to_owned).to_vec();
    let devices = Table { columns, rows: devices.collect() };
    let features = if machine.features.is_empty() { "none".to_owned() } else { machine.features.join(", ") };
    format!(
        "{}\nGPU features built in: {features}\nthreads of the CPU: {}\nautotune level: {} (CUBECL_AUTOTUNE_LEVEL)\nautotune results are kept in: {}\n",
        devices.text(),
        machine.threads,
        machine.autotune_level,
        machine.autotune_cache,
    )
}
