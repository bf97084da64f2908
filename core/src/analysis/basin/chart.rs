//! The loss along the segment, and the basin in a table.

use super::{Basin, Found, Measurement, Rise};
use crate::figure::{Chart, Series, Table};
use crate::number;

/// The loss on the line through both networks, on the segment and beyond its ends, as far as the search looked for them.
pub fn chart(basin: &Basin, measurements: &[Measurement]) -> Chart {
    let [first, last] = basin.found.as_ref().map_or([0.0, 1.0], |found| found.segment);
    let on_line = measurements.iter().filter(|measurement| measurement.place.noise.is_none());
    let mut points: Vec<(f64, f64)> =
        on_line.map(|measurement| (measurement.place.coefficient, measurement.loss(basin.loss))).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let within = |from: f64, to: f64| {
        points.iter().copied().filter(|(coefficient, _)| (from..=to).contains(coefficient)).collect()
    };
    let margin = last - first;
    Chart {
        x: "linear interpolation coefficient".to_owned(),
        y: basin.loss.name().to_owned(),
        series: vec![
            Series::new("line through both networks", within(first - margin, last + margin)),
            Series::new("segment", within(first, last)),
        ],
        ..Chart::default()
    }
}

impl Found {
    /// The basin, or why there is none, in words.
    pub fn verdict(&self) -> String {
        match (self.delta, &self.no_basin) {
            (Some(delta), _) => {
                format!("a ({}, {})-basin", number::loss(self.epsilon), number::fixed(delta, 2))
            }
            (None, reason) => format!("no basin: {}", reason.as_deref().unwrap_or_default()),
        }
    }
}

/// What was tried around the segment: a row for each delta.
pub fn table(found: &Found) -> Table {
    let columns = ["noise in each parameter", "delta", "rise under noise", "rise past the ends", "2 epsilon"];
    let row = |rise: &Rise| {
        vec![
            number::fixed(rise.deviation, 2),
            number::fixed(rise.delta, 2),
            number::loss(rise.noise),
            number::or_absent(rise.beyond, number::loss),
            number::loss(2.0 * found.epsilon),
        ]
    };
    Table { columns: columns.map(str::to_owned).to_vec(), rows: found.rises.iter().map(row).collect() }
}
