//! The curves of Figure 4.

use super::{Interpolation, Point};
use crate::figure::{Chart, Series};

/// What is drawn over the coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Test accuracy, percent.
    Accuracy,
    /// Mean test loss, nats.
    Loss,
}

impl Metric {
    /// Name of the chart's files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Loss => "loss",
        }
    }
}

/// A chart of labelled lines, with the paper's axis labels.
pub fn chart(metric: Metric, lines: &[(&str, &Interpolation)]) -> Chart {
    let y = match metric {
        Metric::Accuracy => "test accuracy %",
        Metric::Loss => "test loss",
    };
    let value = |point: &Point| match metric {
        Metric::Accuracy => point.accuracy,
        Metric::Loss => point.loss,
    };
    let series = |(label, line): &(&str, &Interpolation)| {
        let points = line.points.iter().map(|point| (point.coefficient, value(point)));
        Series::new(*label, points.collect())
    };
    Chart {
        x: "linear interpolation coefficient".to_owned(),
        y: y.to_owned(),
        series: lines.iter().map(series).collect(),
        ..Chart::default()
    }
}
