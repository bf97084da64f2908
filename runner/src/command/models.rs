//! `runner models`: the architectures there are.

use anyhow::Result;
use basin_core::figure::Table;
use basin_core::model::Arch;
use basin_core::number;
use basin_core::setting::regex;
use serde_json::json;

use super::print;

#[derive(Debug, clap::Args)]
pub struct Models {
    /// Regular expression that is found in the names.
    #[arg(default_value = "")]
    regex: String,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Models {
    /// Prints the names that `model.arch` takes, parameters without the head, and the size of the images.
    pub fn run(&self) -> Result<()> {
        let regex = regex(&self.regex)?;
        let archs = Arch::names().filter(|name| regex.is_match(name)).map(|name| Arch::new(name, 0));
        let archs = archs.collect::<basin_core::error::Result<Vec<Arch>>>()?;
        let parameters =
            |arch: &Arch| -> usize { arch.trained().map(|spec| spec.shape.iter().product::<usize>()).sum() };
        if self.json {
            let all: Vec<_> = archs
                .iter()
                .map(|arch| json!({ "name": arch.name, "parameters": parameters(arch), "image_size": arch.side }))
                .collect();
            return print(&format!("{}\n", json!(all)));
        }
        let row = |arch: &Arch| {
            let side = arch.side.map_or_else(|| "any".to_owned(), |side| side.to_string());
            vec![arch.name.clone(), number::count(parameters(arch) as f64), side]
        };
        let columns = ["model.arch", "parameters", "image size"].map(str::to_owned).to_vec();
        print(&Table { columns, rows: archs.iter().map(row).collect() }.text())
    }
}
