//! Checkpoints as files: shown, compared and converted.

use std::path::Path;
use std::process::Command;

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use serde_json::Value;

use crate::common::*;

/// `runner checkpoint ...`
fn checkpoint_command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    command.arg("checkpoint").args(arguments);
    command
}

fn json_of(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = checkpoint_command(folder, arguments);
    command.arg("--json");
    serde_json::from_str(&success(command)).unwrap()
}

fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
    NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data: data.to_vec() }
}

/// Sorted by name, as files of PyTorch are read.
fn small() -> Checkpoint {
    let values = [3.0, -4.0, f32::NAN, f32::NEG_INFINITY, -0.0, 1e-40];
    let tensors = vec![
        tensor("bn.num_batches_tracked", &[], &[40_000.0]),
        tensor("conv1.weight", &[2, 3, 1, 1], &values),
        tensor("empty", &[0, 3], &[]),
        tensor("fc.bias", &[2], &[0.5, -0.25]),
    ];
    let metadata =
        [("arch", "small"), ("digest", "0012"), ("epoch", "3"), ("key", "a/b"), ("metric", "12.5")];
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Checkpoint { state: StateDict { tensors }, metadata }
}

/// Names, shapes and bits, since NaN is not equal to itself.
fn bits(checkpoint: &Checkpoint) -> Vec<(String, Vec<usize>, Vec<u32>)> {
    let of =
        |t: &NamedTensor| (t.name.clone(), t.shape.clone(), t.data.iter().map(|v| v.to_bits()).collect());
    checkpoint.state.tensors.iter().map(of).collect()
}

fn with_small() -> tempfile::TempDir {
    let here = folder();
    small().save(&here.path().join("small.safetensors")).unwrap();
    here
}

#[test]
fn every_format_gives_back_the_same_bits() {
    let here = with_small();
    let steps = [
        ("small.safetensors", "a.pth.tar"),
        ("a.pth.tar", "b.safetensors"),
        ("b.safetensors", "c.pth"),
        ("c.pth", "d.pt"),
        ("d.pt", "e.pth.tar"),
    ];
    for (from, to) in steps {
        let printed = success(checkpoint_command(here.path(), &["convert", from, to]));
        assert_eq!(printed, format!("4 tensors written to {to}\n"));
        let read = Checkpoint::load(&here.path().join(to)).unwrap();
        assert_eq!(bits(&read), bits(&small()), "{to}");
        let bare = ["c.pth", "d.pt", "e.pth.tar"].contains(&to);
        assert_eq!(read.metadata, if bare { Default::default() } else { small().metadata }, "{to}");
        let printed = success(checkpoint_command(here.path(), &["diff", "small.safetensors", to]));
        assert_eq!(printed, "identical: 4 tensors, bit by bit\n");
        let listed = json_of(here.path(), &["inspect", "--names", to]);
        assert_eq!(listed["tensors"][0]["dtype"], "int64", "{to}");
        assert_eq!(listed["tensors"][1]["dtype"], "float32", "{to}");
    }
    let bytes = |name: &str| std::fs::read(here.path().join(name)).unwrap();
    assert_eq!(bytes("small.safetensors"), bytes("b.safetensors"));
    assert_eq!(bytes("c.pth"), bytes("d.pt"));
}

#[test]
fn the_content_of_a_file_says_its_format() {
    let here = with_small();
    success(checkpoint_command(here.path(), &["convert", "small.safetensors", "small.pth"]));
    for (from, to) in
        [("small.safetensors", "safetensors.pth"), ("small.pth", "zip.safetensors"), ("small.pth", "zip")]
    {
        std::fs::copy(here.path().join(from), here.path().join(to)).unwrap();
        let same = success(checkpoint_command(here.path(), &["diff", "small.safetensors", to]));
        assert_eq!(same, "identical: 4 tensors, bit by bit\n", "{to}");
    }
    assert_eq!(json_of(here.path(), &["inspect", "--names", "safetensors.pth"])["format"], "safetensors");
    assert_eq!(json_of(here.path(), &["inspect", "--names", "zip.safetensors"])["format"], "PyTorch");
    std::fs::write(here.path().join("notes.txt"), "no tensors at all").unwrap();
    failure(checkpoint_command(here.path(), &["inspect", "notes.txt"]), 3, &["notes.txt is a text file"]);
    let help = success(checkpoint_command(here.path(), &["convert", "--help"]));
    for ending in basin_core::checkpoint::endings() {
        assert!(help.contains(&format!("{ending} holds")), "{help}");
    }
}

#[test]
fn values_are_aligned_as_pytorch_aligns_them() {
    let here = with_small();
    success(checkpoint_command(here.path(), &["convert", "small.safetensors", "a.pth"]));
    let bytes = std::fs::read(here.path().join("a.pth")).unwrap();
    let values: Vec<u8> = [3.0f32, -4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let place = bytes.windows(values.len()).position(|window| window == values).unwrap();
    assert_eq!(place % 64, 0, "{place}");
}

#[test]
fn inspect_shows_numbers_and_counts_what_is_not_finite() {
    let here = with_small();
    let shown = success(checkpoint_command(here.path(), &["inspect", "small.safetensors"]));
    assert!(shown.contains("small.safetensors: safetensors\narch: small\n"), "{shown}");
    let line = |start: &str| shown.lines().find(|line| line.starts_with(start)).unwrap().split_whitespace();
    assert_eq!(line("tensor").collect::<Vec<_>>().len(), 10);
    let numbers: Vec<&str> = line("conv1.weight").collect();
    assert_eq!(numbers[0..2], ["conv1.weight", "float32"]);
    assert_eq!(numbers[6..], ["6", "5.0000", "-0.2500", "2.4875", "-4.0000", "3.0000", "2"]);
    assert_eq!(line("4 tensors").last(), Some("2"));

    let result = json_of(here.path(), &["inspect", "small.safetensors"]);
    assert_eq!((&result["values"], &result["metadata"]["epoch"]), (&9.into(), &"3".into()));
    let conv = &result["tensors"][1];
    assert_eq!((&conv["shape"], &conv["values"]), (&serde_json::json!([2, 3, 1, 1]), &6.into()));
    assert_eq!((&conv["statistics"]["norm"], &conv["statistics"]["non_finite"]), (&5.0.into(), &2.into()));
    assert!(result["tensors"][2]["statistics"]["mean"].is_null());
    assert_eq!(result["statistics"]["max"], 40_000.0);

    let listed = success(checkpoint_command(here.path(), &["inspect", "--names", "small.safetensors"]));
    assert!(listed.contains("fc.bias") && !listed.contains("deviation"), "{listed}");
    assert!(json_of(here.path(), &["inspect", "--names", "small.safetensors"])["statistics"].is_null());
}

#[test]
fn diff_names_what_differs() {
    let here = folder();
    let save = |name: &str, tensors: Vec<NamedTensor>| {
        let checkpoint = Checkpoint { state: StateDict { tensors }, metadata: Default::default() };
        checkpoint.save(&here.path().join(name)).unwrap();
    };
    let same = || tensor("same", &[2], &[1.0, f32::NAN]);
    save(
        "a.safetensors",
        vec![
            tensor("w", &[2], &[3.0, 4.0]),
            tensor("fc", &[2], &[0.0; 2]),
            tensor("old", &[1], &[1.0]),
            same(),
        ],
    );
    save(
        "b.pth",
        vec![
            tensor("w", &[2], &[3.0, 0.0]),
            tensor("fc", &[3], &[0.0; 3]),
            tensor("new", &[1], &[1.0]),
            same(),
        ],
    );
    let shown = success(checkpoint_command(here.path(), &["diff", "a.safetensors", "b.pth"]));
    for part in ["only in a.safetensors: old\n", "only in b.pth: new\n", "fc: [2] and [3]\n"] {
        assert!(shown.contains(part), "{shown}");
    }
    let line = |start: &str| shown.lines().find(|line| line.starts_with(start)).unwrap().split_whitespace();
    assert_eq!(line("w ").collect::<Vec<_>>(), ["w", "[2]", "4.0000", "0.8000", "0.600000"]);
    assert_eq!(line("same ").collect::<Vec<_>>(), ["same", "[2]", "identical"]);

    let result = json_of(here.path(), &["diff", "a.safetensors", "b.pth"]);
    assert_eq!(result["identical"], false);
    assert_eq!(result["only_one"], serde_json::json!(["old"]));
    assert_eq!(result["only_two"], serde_json::json!(["new"]));
    assert_eq!(result["reshaped"][0]["two"], serde_json::json!([3]));
    let w = &result["tensors"][0];
    assert_eq!((&w["name"], &w["l2"], &w["relative"]), (&"w".into(), &4.0.into(), &0.8.into()));
}

#[test]
fn tensors_that_cannot_be_compared_are_named() {
    let here = with_small();
    let write = |name: &str, dtype: &str, tensor: &str| {
        let header = format!(r#"{{"{tensor}":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,8]}}}}"#);
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 8]].concat();
        std::fs::write(here.path().join(name), bytes).unwrap();
    };
    write("one.safetensors", "C64", "phase");
    write("two.safetensors", "I64", "phase");
    write("three.safetensors", "I64", "count");
    write("four.safetensors", "F64", "count");
    let types = success(checkpoint_command(here.path(), &["diff", "three.safetensors", "four.safetensors"]));
    assert!(types.starts_with("count: int64 and float64\n") && !types.contains("bit by bit"), "{types}");
    let shown = success(checkpoint_command(here.path(), &["diff", "one.safetensors", "two.safetensors"]));
    assert!(shown.contains("not compared: phase"), "{shown}");
    let same = json_of(here.path(), &["diff", "one.safetensors", "one.safetensors"]);
    assert_eq!((&same["identical"], &same["not_read"]), (&false.into(), &serde_json::json!(["phase"])));
    let other = success(checkpoint_command(here.path(), &["diff", "two.safetensors", "three.safetensors"]));
    assert!(other.ends_with("no tensor that is read has the same name and shape in both\n"), "{other}");
}

#[test]
fn a_file_that_is_there_is_overwritten_only_by_force() {
    let here = with_small();
    let there = here.path().join("there.pth");
    std::fs::write(&there, "mine").unwrap();
    let convert = ["convert", "small.safetensors", "there.pth"];
    failure(checkpoint_command(here.path(), &convert), 2, &["there.pth is there already", "--force"]);
    assert_eq!(std::fs::read(&there).unwrap(), b"mine");
    let forced = json_of(here.path(), &[&convert[..], &["--force"]].concat());
    assert_eq!((&forced["tensors"], &forced["to"]), (&4.into(), &"there.pth".into()));
    assert_eq!(bits(&Checkpoint::load(&there).unwrap()), bits(&small()));
    // Onto itself as well.
    success(checkpoint_command(
        here.path(),
        &["convert", "small.safetensors", "small.safetensors", "--force"],
    ));
    assert_eq!(bits(&Checkpoint::load(&here.path().join("small.safetensors")).unwrap()), bits(&small()));
}

#[test]
fn broken_and_missing_files_and_wrong_endings_are_one_sentence() {
    let here = with_small();
    let whole = std::fs::read(here.path().join("small.safetensors")).unwrap();
    std::fs::write(here.path().join("broken.safetensors"), &whole[..whole.len() - 1]).unwrap();
    std::fs::write(here.path().join("broken.pth"), b"PK\x03\x04 and no more").unwrap();
    std::fs::write(here.path().join("empty.pth"), b"").unwrap();
    for (file, parts) in [
        ("broken.safetensors", ["broken.safetensors", "not a whole safetensors file"]),
        ("broken.pth", ["broken.pth", "not a whole PyTorch checkpoint"]),
        ("empty.pth", ["empty.pth is empty", "download it again"]),
        ("missing.pth", ["cannot read missing.pth", "check the path"]),
        ("missing.safetensors", ["cannot read missing.safetensors", "check the path"]),
    ] {
        failure(checkpoint_command(here.path(), &["inspect", file]), 3, &parts);
        failure(checkpoint_command(here.path(), &["inspect", "--names", file]), 3, &parts);
        failure(checkpoint_command(here.path(), &["diff", "small.safetensors", file]), 3, &parts);
        failure(checkpoint_command(here.path(), &["convert", file, "out.pth"]), 3, &parts);
    }
    failure(
        checkpoint_command(here.path(), &["convert", "small.safetensors", "out.onnx"]),
        2,
        &["out.onnx", ".pth.tar"],
    );
    assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 4, "something was left behind");
}

#[test]
fn tensors_of_other_types_are_told_and_left_out() {
    let here = folder();
    let write = |name: &str, header: &str, values: &[u8]| {
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), values].concat();
        std::fs::write(here.path().join(name), bytes).unwrap();
    };
    let odd = r#""odd":{"dtype":"C64","shape":[1],"data_offsets":[0,8]}"#;
    write("alone.safetensors", &format!("{{{odd}}}"), &[0; 8]);
    let both = format!(r#"{{{odd},"w":{{"dtype":"F8_E4M3","shape":[2],"data_offsets":[8,10]}}}}"#);
    // 1.5 and -448, the smallest of all.
    write("both.safetensors", &both, &[0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0xfe]);
    let shown = json_of(here.path(), &["inspect", "both.safetensors"]);
    assert_eq!(
        (&shown["tensors"][0]["dtype"], &shown["tensors"][1]["dtype"]),
        (&"complex64".into(), &"float8_e4m3fn".into())
    );
    assert_eq!((&shown["statistics"]["max"], &shown["statistics"]["min"]), (&1.5.into(), &(-448.0).into()));
    let convert = |from: &str| checkpoint_command(here.path(), &["convert", from, "out.pth"]);
    let told = success(convert("both.safetensors"));
    assert_eq!(told, "1 tensors written to out.pth, without those that are not read: odd (complex64)\n");
    let written = Checkpoint::load(&here.path().join("out.pth")).unwrap();
    assert_eq!(written.state.tensors, [tensor("w", &[2], &[1.5, -448.0])]);
    failure(convert("alone.safetensors"), 2, &["out.pth is there already"]);
    std::fs::remove_file(here.path().join("out.pth")).unwrap();
    failure(convert("alone.safetensors"), 3, &["odd", "complex64", "is not read", "float32"]);

    // What does not fit into float32 is told: 2^24 + 1 and 0.1; 0.5 fits.
    let wide = r#"{"many":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},
        "fine":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},"tenth":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}}"#;
    let values = [16_777_217i64.to_le_bytes(), 0.5f64.to_le_bytes(), 0.1f64.to_le_bytes()].concat();
    write("wide.safetensors", wide, &values);
    let told = success(convert("wide.safetensors"));
    assert_eq!(
        told,
        "3 tensors written to out.pth; values of many and 1 more tensors were rounded to float32\n"
    );
}

#[test]
fn shards_open_by_their_index() {
    let here = with_small();
    let save = |name: &str, tensors: &[NamedTensor]| {
        let state = StateDict { tensors: tensors.to_vec() };
        Checkpoint { state, metadata: Default::default() }.save(&here.path().join(name)).unwrap();
    };
    let tensors = small().state.tensors;
    save("one.safetensors", &tensors[..2]);
    save("two.safetensors", &tensors[2..]);
    let names = |shard: &str, tensors: &[NamedTensor]| {
        let of = |tensor: &NamedTensor| format!("\"{}\":\"{shard}\"", tensor.name);
        tensors.iter().map(of).collect::<Vec<_>>().join(",")
    };
    let map = |second: &str| {
        let (one, two) = (names("one.safetensors", &tensors[..2]), names(second, &tensors[2..]));
        format!(r#"{{"metadata":{{"total_size":1}},"weight_map":{{{one},{two}}}}}"#)
    };
    let index = here.path().join("model.safetensors.index.json");
    std::fs::write(&index, map("two.safetensors")).unwrap();
    let same =
        checkpoint_command(here.path(), &["diff", "small.safetensors", "model.safetensors.index.json"]);
    assert_eq!(success(same), "identical: 4 tensors, bit by bit\n");
    let inspect = || checkpoint_command(here.path(), &["inspect", "model.safetensors.index.json"]);
    for (second, parts) in [
        ("one.safetensors", ["one.safetensors", "no such tensor"]),
        ("../two.safetensors", ["../two.safetensors", "no file beside it"]),
        ("three.safetensors", ["three.safetensors", "check the path"]),
        ("model.safetensors.index.json", ["model.safetensors.index.json", "no checkpoint"]),
    ] {
        std::fs::write(&index, map(second)).unwrap();
        failure(inspect(), 3, &parts);
    }
    std::fs::write(&index, "{\"weight_map\": {").unwrap();
    failure(inspect(), 3, &["JSON is wrong"]);
}

#[test]
fn a_network_inside_another_is_told_by_its_prefix_and_taken_out() {
    let here = folder();
    success(train(here.path(), &["--set", "train.epochs=1"]));
    let trained = checkpoint(here.path(), "ckpt-E001");
    let mut wrapped = Checkpoint::load(&trained).unwrap();
    wrapped.state.tensors.iter_mut().for_each(|tensor| tensor.name.insert_str(0, "model."));
    wrapped.state.tensors.push(tensor("criterion.weight", &[1], &[1.0]));
    wrapped.save(&here.path().join("wrapped.pth")).unwrap();
    let tune = |to: &str, from: &str| {
        let from = format!("train.finetune_from={from}");
        train(here.path(), &["-w", to, "--set", "train.epochs=1", "--set", &from])
    };
    // One prefix is taken off; of two, one has to be named.
    let output = tune("found", "wrapped.pth").output().unwrap();
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("stand behind model., which is taken off; 1 other tensors are left out"), "{told}");
    let mut twice = wrapped.clone();
    for tensor in &wrapped.state.tensors {
        if let Some(name) = tensor.name.strip_prefix("model.") {
            let name = format!("momentum.{name}");
            twice.state.tensors.push(NamedTensor { name, ..tensor.clone() });
        }
    }
    twice.save(&here.path().join("twice.pth")).unwrap();
    failure(
        tune("neither", "twice.pth"),
        3,
        &["stand behind model. and behind momentum.", "--strip model.", "train.finetune_strip"],
    );
    let mut command = tune("named", "twice.pth");
    command.args(["--set", "train.finetune_strip=momentum."]);
    success(command);
    let arguments = ["convert", "wrapped.pth", "own.safetensors", "--strip", "model."];
    success(checkpoint_command(here.path(), &arguments));
    success(tune("own", "own.safetensors"));
}
