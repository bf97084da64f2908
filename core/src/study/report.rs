//! The page of a study: what was asked, the figures, the numbers, and the commands that made them.

use std::path::Path;

use serde_json::Value;

use super::{Line, Options, Run};
use crate::analysis::interpolation::{Metric, barrier_table, chart};
use crate::config::flat_settings;
use crate::error::Result;
use crate::figure::{Chart, Figure as _, Page, Series, Table};
use crate::file::write_atomically;
use crate::run::{MetricsRecord, read_metrics};
use crate::study::Study;

/// Writes `report.html` into the study's folder, and each figure as SVG, PNG and CSV beside it.
pub(super) fn write(
    study: &Study,
    options: &Options,
    runs: &[Run],
    lines: &[Line],
    folder: &Path,
) -> Result<()> {
    let metrics = runs
        .iter()
        .map(|run| read_metrics(&run.request.run_dir().metrics()))
        .collect::<Result<Vec<Vec<MetricsRecord>>>>()?;
    let labelled: Vec<_> = lines.iter().map(|line| (line.label.as_str(), &line.result)).collect();
    let on_lines = [Metric::Accuracy, Metric::Loss].map(|metric| chart(metric, &labelled));
    let curves = [("eval/test_acc", "test accuracy %"), ("eval/train_loss", "train loss")]
        .map(|(tag, y)| learning_curves(tag, y, runs, &metrics));

    let mut page = Page::new(&study.title);
    page.text(&study.about);
    page.heading("On the straight lines between the networks");
    let [accuracy, loss] = &on_lines;
    page.charts(
        &[accuracy, loss],
        "Accuracy and loss on the test images of networks on a line: coefficient 0 is the first network, 1 the second.",
    )?;
    page.table(&barrier_table(&labelled));
    page.text(
        "The barrier is the largest drop of the line below the chord between its ends: for a metric m at coefficient c, the \
         maximum of (1 - c) m(0) + c m(1) - m(c) over c in [0, 1], with the sign turned for the loss; from and to bound its 95 % \
         bootstrap interval over the test images.",
    );
    page.heading("While the networks learned");
    let [test, train] = &curves;
    page.charts(
        &[test, train],
        "Epoch 0 is before training. Training images are measured in evaluation mode, without augmentation.",
    )?;
    page.heading("Runs and results");
    page.table(&results(runs, &metrics));
    page.text(
        "The best epoch is chosen on the test images, as in the paper; the lines join the last epochs.",
    );
    page.heading("Settings");
    let (same, different) = settings(runs);
    page.text("Where the runs differ:");
    page.table(&different);
    page.text("What they share:");
    page.table(&same);
    page.heading("How to make each part again");
    page.commands(&commands(options, runs, lines));

    write_atomically(&folder.join("report.html"), |file| file.write_all(page.html().as_bytes()))?;
    let names = ["interpolation-accuracy", "interpolation-loss", "curves-test-accuracy", "curves-train-loss"];
    for (name, chart) in names.iter().zip(on_lines.iter().chain(&curves)) {
        chart.save(&folder.join(name))?;
    }
    Ok(())
}

fn learning_curves(tag: &str, y: &str, runs: &[Run], metrics: &[Vec<MetricsRecord>]) -> Chart {
    let series = |(run, records): (&Run, &Vec<MetricsRecord>)| {
        let points = records.iter().filter_map(|record| Some((record.epoch as f64, record.value(tag)?)));
        Series::new(&run.member.name, points.collect())
    };
    Chart {
        x: "epoch".to_owned(),
        y: y.to_owned(),
        series: runs.iter().zip(metrics).map(series).collect(),
        ..Chart::default()
    }
}

fn table<const N: usize>(columns: [&str; N], rows: Vec<[String; N]>) -> Table {
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.into_iter().map(Vec::from).collect() }
}

fn results(runs: &[Run], metrics: &[Vec<MetricsRecord>]) -> Table {
    let rows = runs.iter().zip(metrics).map(|(run, records)| {
        let tests: Vec<(usize, f64)> = records
            .iter()
            .filter_map(|record| Some((record.epoch, record.value("eval/test_acc")?)))
            .collect();
        let better = |best: (usize, f64), next: &(usize, f64)| if next.1 > best.1 { *next } else { best };
        let best = tests.iter().fold((0, f64::NEG_INFINITY), better);
        let last = |tag: &str| records.iter().rev().find_map(|record| record.value(tag)).unwrap_or(f64::NAN);
        [
            run.member.name.clone(),
            run.member.key.clone(),
            run.member.replicate.to_string(),
            format!("{:.2}", last("eval/test_acc")),
            format!("{:.3}", last("eval/test_loss")),
            format!("{:.2}", last("eval/train_acc")),
            format!("{:.2}", best.1),
            best.0.to_string(),
            format!("{:.0}", last("train/images_per_second")),
        ]
    });
    let columns = [
        "run",
        "key",
        "replicate",
        "test accuracy, %",
        "test loss",
        "train accuracy, %",
        "best test accuracy, %",
        "in epoch",
        "images/s",
    ];
    table(columns, rows.collect())
}

/// The settings that all runs share, and those in which they differ.
fn settings(runs: &[Run]) -> (Table, Table) {
    let all: Vec<Vec<(String, Value)>> =
        runs.iter().map(|run| flat_settings(&run.request.experiment)).collect();
    let mut paths: Vec<&str> = all.iter().flatten().map(|(path, _)| path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let text = |settings: &[(String, Value)], path: &str| {
        let value = settings.iter().find(|(known, _)| known == path).map(|(_, value)| value);
        match value {
            None | Some(Value::Null) => "none".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    };
    let rows = paths.into_iter().map(|path| {
        let values: Vec<String> = all.iter().map(|settings| text(settings, path)).collect();
        (path.to_owned(), values)
    });
    let (same, different): (Vec<_>, Vec<_>) =
        rows.partition(|(_, values)| values.iter().all(|v| *v == values[0]));
    let names = runs.iter().map(|run| run.member.name.clone());
    let same = same.into_iter().map(|(path, values)| vec![path, values[0].clone()]).collect();
    let different = different.into_iter().map(|(path, values)| [vec![path], values].concat()).collect();
    (
        Table { columns: vec!["setting".to_owned(), "value".to_owned()], rows: same },
        Table { columns: std::iter::once("setting".to_owned()).chain(names).collect(), rows: different },
    )
}

fn commands(options: &Options, runs: &[Run], lines: &[Line]) -> Vec<String> {
    let train = runs.iter().map(|Run { member, request }| {
        let seed = request.experiment.seed;
        let seeds = [format!("seed.init={}", seed.init), format!("seed.order={}", seed.order)];
        let seeds = if seed.init == member.replicate { &[][..] } else { &seeds[..] };
        let sets = [seeds, &member.set, options.set].concat();
        let sets: String = sets.iter().map(|setting| format!(" --set '{setting}'")).collect();
        let replicate = match member.replicate {
            0 => String::new(),
            replicate => format!(" --replicate {replicate}"),
        };
        format!("runner -k {} -b {}{replicate}{sets}", member.key, request.base.display())
    });
    let interpolate = lines.iter().map(|Line { result, folder, .. }| {
        let coefficients: Vec<String> = result.points.iter().map(|p| p.coefficient.to_string()).collect();
        let coefficients = coefficients.join(",");
        let networks: String =
            result.inputs.networks.iter().map(|source| format!(" {}", source.path)).collect();
        format!("runner interpolate{networks} --coefficients={coefficients} -o {}", folder.display())
    });
    train.chain(interpolate).collect()
}
