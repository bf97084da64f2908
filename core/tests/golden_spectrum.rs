//! Spectra of convolutions, beside NumPy's (`metrics.json`; our copy is `spectra.json`).

use basin_core::analysis::spectrum::Kernel;
use serde_json::Value;

use crate::common;

#[test]
fn golden_spectra_are_numpys() {
    let files = ["metrics", "spectra"].map(|name| common::golden_files(name, ".json")).concat();
    let cases = files.iter().flat_map(|path| common::list(&common::json(path)["spectrum"]).to_vec());
    let cases: Vec<Value> = cases.collect();
    for case in cases {
        let floats = |name: &str| -> Vec<f64> {
            case[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
        };
        let whole = |value: &Value| value.as_u64().unwrap() as usize;
        let shape = std::array::from_fn(|axis| whole(&case["shape"][axis]));
        let kernel = Kernel::new(&floats("kernel"), shape, whole(&case["input"]));
        let ours = kernel.singular_values(&|| Ok(())).unwrap();
        let close = |ours: f64, expected: f64| {
            assert!((ours / expected - 1.0).abs() < 1e-6, "{shape:?}: {ours} instead of {expected}");
        };
        assert_eq!(ours.count(), whole(&case["count"]), "{shape:?}");
        let descending = ours.values.iter().flat_map(|value| std::iter::repeat_n(*value, ours.copies));
        descending.zip(floats("top")).for_each(|(ours, expected)| close(ours, expected));
        close(*ours.values.last().unwrap(), case["bottom"].as_f64().unwrap());
        close(ours.sum_of_squares(), case["sum_squares"].as_f64().unwrap());
    }
}
