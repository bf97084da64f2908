//! The bars of Figure 5, and their table.

use super::Rewinding;
use crate::analysis::measures::{Measures, Metric};
use crate::figure::{BarSeries, Bars, Table};

/// What the row of the network itself is called.
const NONE: &str = "none";

/// A bar for each module, after one for the network itself; a series for each origin of each labelled network. All must be
/// of one architecture, with the same modules.
pub fn chart(metric: Metric, networks: &[(&str, &Rewinding)]) -> Bars {
    let series = networks.iter().flat_map(|(label, result)| {
        result.rewound.iter().map(move |rewound| {
            let measures = std::iter::once(&result.none).chain(&rewound.measures);
            BarSeries {
                label: format!("{label} {}", rewound.origin.label()).trim_start().to_owned(),
                values: measures.map(|measures| metric.of(measures)).collect(),
                errors: Vec::new(),
            }
        })
    });
    let first = networks.first().map(|(_, result)| *result);
    let modules = first.into_iter().flat_map(|result| result.modules.iter().cloned());
    Bars {
        x: "rewound module".to_owned(),
        y: metric.title(first.map_or("", |result| &result.inputs.split)),
        categories: std::iter::once(NONE.to_owned()).chain(modules).collect(),
        series: series.collect(),
    }
}

/// A row for each module, after one for the network itself; columns of each metric for each origin.
pub fn table(result: &Rewinding) -> Table {
    let metrics = Metric::of_network(&result.none);
    let heads = result.rewound.iter().flat_map(|rewound| {
        let title =
            |metric: &Metric| format!("{} {}", rewound.origin.label(), metric.title(&result.inputs.split));
        metrics.iter().map(title).collect::<Vec<_>>()
    });
    let row = |name: &str, of: &dyn Fn(usize) -> Measures| {
        let cells = (0..result.rewound.len()).flat_map(|origin| {
            let measures = of(origin);
            metrics.iter().map(move |metric| metric.show(&measures))
        });
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let modules = result.modules.iter().enumerate();
    let rows = modules.map(|(number, name)| row(name, &|origin| result.rewound[origin].measures[number]));
    Table {
        columns: std::iter::once("module".to_owned()).chain(heads).collect(),
        rows: std::iter::once(row(NONE, &|_| result.none)).chain(rows).collect(),
    }
}
