//! Event files of PyTorch's writer (`events/`), read as TensorBoard shows them.

use std::collections::BTreeMap;
use std::path::Path;

use basin_core::run::{epoch_times, read_events, tag};

#[test]
fn scalars_are_those_that_tensorboard_shows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events");
    let shown = std::fs::read(folder.join("shown.json")).unwrap();
    let shown: BTreeMap<String, Vec<(i64, f64)>> = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown.len(), 5);
    for (name, points) in shown {
        let scalars = read_events(&folder.join(&name)).unwrap();
        assert!(scalars.iter().all(|scalar| scalar.tag == tag::TEST_ACCURACY), "{name}: {scalars:?}");
        let read: Vec<(i64, f64)> = scalars.iter().map(|scalar| (scalar.step, scalar.value)).collect();
        assert_eq!(read, points, "{name}");
        let epochs: Vec<i64> = epoch_times(&folder.join(&name)).unwrap().into_keys().collect();
        let last = points.iter().map(|(epoch, _)| *epoch).max().unwrap();
        assert_eq!(epochs, (0..=last).collect::<Vec<_>>(), "{name}");
    }
}
