//! Figures as SVG, PNG and CSV, and the page that holds them.

use basin_core::figure::{BarSeries, Bars, Chart, Figure, HeatMap, Page, Scale, Series, Table};

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().copied().map(text).collect()
}

fn chart() -> Chart {
    let banded = Series {
        label: text("P-T, \"real\""),
        points: vec![(1.0, 80.0), (10.0, f64::NAN), (100.0, 90.0)],
        band: vec![2.0, 1.0, f64::NAN],
    };
    let series = vec![banded, Series::new("RI-T <1>", vec![(1.0, 20.0), (100.0, 40.0)])];
    Chart {
        x: text("block size, pixels"),
        y: text("accuracy, %"),
        x_scale: Scale::Log,
        series,
        ..Chart::default()
    }
}

fn bars() -> Bars {
    let series = vec![
        BarSeries {
            label: text("P-T"),
            values: vec![70.0, f64::NAN],
            errors: vec![[68.5, 71.0], [0.5, 1.0]],
        },
        BarSeries { label: text("RI-T"), values: vec![50.0, 40.0], errors: Vec::new() },
    ];
    Bars { x: text("block"), y: text("accuracy, %"), categories: texts(&["*", "1"]), series }
}

fn heat_map() -> HeatMap {
    HeatMap {
        x: text("RI-T"),
        y: text("P-T"),
        unit: text("CKA"),
        columns: texts(&["conv1", "fc"]),
        rows: texts(&["conv1", "fc"]),
        values: vec![vec![1.0, 0.25], vec![f64::NAN, 0.5]],
        range: Some((0.0, 1.0)),
        title: text("similarity"),
    }
}

/// The texts of a document, in order.
fn written(svg: &str) -> Vec<String> {
    svg.split("</text>").filter_map(|part| part.rsplit_once('>')).map(|(_, text)| text.to_owned()).collect()
}

#[test]
fn each_figure_can_be_had_as_svg_png_and_csv_with_all_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let check = |figure: &dyn Figure, texts: &[&str], csv: &str| {
        let stem = folder.path().join("acc-lr0.02");
        figure.save(&stem).unwrap();
        let read = |ending: &str| std::fs::read(folder.path().join(format!("acc-lr0.02.{ending}"))).unwrap();
        let svg = String::from_utf8(read("svg")).unwrap();
        let written = written(&svg);
        for text in texts {
            assert!(written.iter().any(|known| known == text), "no `{text}` in {written:?}");
        }
        assert_eq!(String::from_utf8(read("csv")).unwrap(), csv);
        let picture = image::load_from_memory(&read("png")).unwrap().to_rgb8();
        assert!(picture.width() > 500 && picture.pixels().any(|pixel| pixel.0 != [255; 3]));
    };
    check(
        &chart(),
        &["block size, pixels", "accuracy, %", "P-T, &quot;real&quot;", "RI-T &lt;1&gt;", "100", "60"],
        "series,\"block size, pixels\",\"accuracy, %\",deviation\n\"P-T, \"\"real\"\"\",1,80,2\n\"P-T, \"\"real\"\"\",10,NaN,1\n\
         \"P-T, \"\"real\"\"\",100,90,\nRI-T <1>,1,20,\nRI-T <1>,100,40,\n",
    );
    check(
        &bars(),
        &["*", "1", "P-T", "RI-T", "60"],
        "series,block,\"accuracy, %\",from,to\nP-T,*,70,68.5,71\nP-T,1,,0.5,1\nRI-T,*,50,,\nRI-T,1,40,,\n",
    );
    check(
        &heat_map(),
        &["similarity", "conv1", "CKA", "1.00", "0.25", "0.50"],
        "P-T \\ RI-T,conv1,fc\nconv1,1,0.25\nfc,,0.5\n",
    );
}

#[test]
fn csv_holds_numbers_as_a_person_would_write_them() {
    let (accuracy, drop) = (100.0 * 0.686, 80.2 - 79.9);
    assert_eq!([accuracy.to_string(), drop.to_string()], ["68.60000000000001", "0.29999999999999716"]);
    let series = vec![Series::new("P-T", vec![(0.1 + 0.2, accuracy)])];
    let chart = Chart { x: text("at"), y: text("accuracy, %"), series, ..Chart::default() };
    assert_eq!(chart.csv(), "series,at,\"accuracy, %\"\nP-T,0.3,68.6\n");
    let map = HeatMap { values: vec![vec![accuracy, drop], vec![f64::NAN, 1.0 / 3.0]], ..heat_map() };
    assert_eq!(map.csv(), "P-T \\ RI-T,conv1,fc\nconv1,68.6,0.3\nfc,,0.3333333333\n");
    let series = vec![BarSeries { values: vec![accuracy, drop], ..bars().series[0].clone() }];
    let csv = Bars { series, ..bars() }.csv();
    assert_eq!(csv, "series,block,\"accuracy, %\",from,to\nP-T,*,68.6,68.5,71\nP-T,1,0.3,0.5,1\n");
}

#[test]
fn parts_that_do_not_fit_together_are_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let check = |figure: &dyn Figure, message: &str| {
        let error = figure.save(&folder.path().join("figure")).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    let mut chart = chart();
    chart.series[0].band.pop();
    check(&chart, "P-T, \"real\" has 3 points and a band of 2");
    let mut bars = bars();
    bars.series[1].values.pop();
    check(&bars, "RI-T has 1 bars and 0 error bars for 2 categories");
    let mut map = heat_map();
    map.values[0].pop();
    check(&map, "the heat map of CKA has other values than its 2 rows of 2");
}

#[test]
fn figures_without_data_are_empty_frames() {
    for figure in [&Chart::default() as &dyn Figure, &Bars::default(), &HeatMap::default()] {
        assert!(!figure.svg().unwrap().contains("NaN"), "{}", figure.svg().unwrap());
    }
}

#[test]
fn a_page_holds_everything_itself() {
    let mut page = Page::new("A <study>");
    page.charts(&[&chart(), &bars(), &heat_map()], "three").unwrap();
    page.image(b"\x89PNG", "a contact sheet");
    page.table(&Table { columns: texts(&["run", "accuracy"]), rows: vec![texts(&["P-T", "70 ± 1"])] });
    let html = page.html();
    assert_eq!((html.matches("<svg").count(), html.matches("<figure>").count()), (3, 2));
    assert!(html.contains("A &lt;study&gt;") && html.contains("<td class=\"number\">70 ± 1</td>"));
    assert!(html.contains("src=\"data:image/png;base64,iVBORw==\" alt=\"a contact sheet\""));
    let elsewhere = ["http-equiv", "<script", "src=\"http", "href="];
    assert!(elsewhere.iter().all(|part| !html.contains(part)));
}
