//! A golden folder that lacks files fails the tests that need them, unless it was named for other kinds.

use crate::common::{Lacks, find};

#[test]
fn our_own_copy_lacks_nothing_and_a_named_folder_not_everything() {
    let here = tempfile::tempdir().unwrap();
    let problem = |lacks| find(here.path(), lacks, "model_", ".json").unwrap_err();
    for lacks in [Lacks::Nothing, Lacks::SomeKinds] {
        assert!(problem(lacks).contains("nothing in"), "an empty folder");
    }
    std::fs::write(here.path().join("metrics.json"), "{}").unwrap();
    std::fs::write(here.path().join("model_notes.txt"), "of another kind").unwrap();
    assert!(problem(Lacks::Nothing).contains("no model_*.json in"), "one kind is missing");
    assert!(find(here.path(), Lacks::SomeKinds, "model_", ".json").unwrap().is_empty());

    let model = here.path().join("model_b.json");
    std::fs::write(&model, "{}").unwrap();
    std::fs::write(here.path().join("model_a.json"), "{}").unwrap();
    for lacks in [Lacks::Nothing, Lacks::SomeKinds] {
        let files = find(here.path(), lacks, "model_", ".json").unwrap();
        assert_eq!(files, [model.with_file_name("model_a.json"), model.clone()]);
    }
    let nowhere = find(&here.path().join("nowhere"), Lacks::SomeKinds, "model_", ".json").unwrap_err();
    assert!(nowhere.contains("cannot list the golden folder"), "{nowhere}");
}
