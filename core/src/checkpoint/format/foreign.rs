//! Files that are no checkpoints, and what to do with each.

use std::path::Path;

use crate::error::Error;

/// What a file is, as a clause after its name, with what to do.
type Verdict = &'static str;

/// By how a file begins.
const BEGINNINGS: [(&[u8], Verdict); 16] = [
    (
        b"version https://git-lfs",
        "is a pointer of Git LFS in place of the file; fetch the file with `git lfs pull`",
    ),
    (b"\x89HDF", "is an HDF5 file, as Keras writes; export its weights as safetensors or with torch.save"),
    (b"\x93NUMPY", "is a NumPy array; save a state dict with torch.save or as safetensors"),
    (b"GGUF", "is a GGUF file, whose weights are quantised; choose the checkpoint that it was made from"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it with gunzip"),
    (b"BZh", "is compressed with bzip2; unpack it with bunzip2"),
    (b"\xfd7zXZ\0", "is compressed with xz; unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "is compressed with Zstandard; unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it and choose the checkpoint in it"),
    (b"Rar!", "is a RAR archive; unpack it and choose the checkpoint in it"),
    (b"\x89PNG", "is a picture; choose a checkpoint"),
    (b"\xff\xd8\xff", "is a picture; choose a checkpoint"),
    (b"%PDF", "is a PDF document; choose a checkpoint"),
    (b"\x08", ONNX),
    (b"{", JSON),
    (b"[", JSON),
];
const ONNX: Verdict = "is an ONNX model; choose the PyTorch checkpoint that it was exported from";
const JSON: Verdict =
    "is JSON text, as a server sends for an error; look into it, and download the checkpoint again";
const PAGE: Verdict =
    "is a web page in place of the file, as a server sends for a sign-in or a quota; download the file again";
const EMPTY: Verdict = "is empty; copy or download it again";
const TEXT: Verdict = "is a text file; choose a checkpoint";
const PICKLE: Verdict =
    "is a pickle that torch.save did not write; load it in Python and save its state dict with torch.save";

/// What bytes of no format of ours are, if it is known.
pub(super) fn verdict(bytes: &[u8]) -> Option<Verdict> {
    if bytes.is_empty() {
        return Some(EMPTY);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let begins =
        |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    if ["<!doctype", "<html", "<?xml", "<error"].into_iter().any(begins) {
        return Some(PAGE);
    }
    if matches!(bytes, [0x80, 2..=5, ..]) || is_old_pickle(bytes) {
        return Some(PICKLE);
    }
    let Some((_, known)) = BEGINNINGS.into_iter().find(|(beginning, _)| text.starts_with(beginning)) else {
        return is_text(bytes).then_some(TEXT);
    };
    // A version, and then the name of the program that wrote the model, or the model's graph.
    let is_onnx = matches!(bytes, [0x08, 1..=32, 0x12 | 0x1a | 0x3a, ..]);
    let is_right = match known {
        ONNX => is_onnx,
        JSON => is_text(bytes),
        _ => true,
    };
    is_right.then_some(known)
}

/// Whether the first bytes are text: no control characters but spaces and line breaks.
fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(256)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or("\0")
        }
        Err(_) => return false,
    };
    !valid.chars().any(|char| char.is_control() && !char.is_whitespace())
}

/// Whether the bytes are a pickle of protocol 0 or 1: they begin with a dictionary, a list, a tuple or a class, and end with a full stop.
fn is_old_pickle(bytes: &[u8]) -> bool {
    let begins = bytes.starts_with(b"(dp") || bytes.starts_with(b"(lp") || bytes.starts_with(b"}q");
    let is_name = |line: &&[u8]| {
        !line.is_empty() && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(byte))
    };
    // A class is a module in one line and a name in the next.
    let class = bytes
        .strip_prefix(b"c")
        .map(|rest| rest.splitn(3, |byte| *byte == b'\n').take(2).filter(is_name).count());
    let names = class == Some(2) || bytes.starts_with(b"(I") || bytes.starts_with(b"(F");
    (begins || bytes.starts_with(b"]q") || names) && bytes.trim_ascii_end().ends_with(b".")
}

/// What a zip archive is that holds no checkpoint of `torch.save`, if it is known.
pub(super) fn verdict_on_archive<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Verdict> {
    let names = || names.clone();
    let has = |file: &str| names().any(|name| name.rsplit('/').next() == Some(file));
    if has("data.pkl") {
        let is_script = has("constants.pkl");
        return is_script.then_some(
            "is a TorchScript program; load it with torch.jit.load and save its state_dict() with torch.save",
        );
    }
    Some(
        if has("serialized_exported_program.json")
            || names().any(|name| name.contains("models/") && name.ends_with(".json"))
        {
            "is a program of torch.export; load it with torch.export.load and save its state_dict with torch.save"
        } else if names().any(|name| name.ends_with(".npy")) {
            "is an archive of NumPy arrays; save a state dict with torch.save or as safetensors"
        } else if names().any(|name| name.ends_with(".weights.h5")) {
            "is a Keras model; export its weights as safetensors or with torch.save"
        } else {
            "is a zip archive without a checkpoint of torch.save; unpack it and choose the checkpoint in it"
        },
    )
}

/// The error for a folder in place of a file.
pub(super) fn folder(path: &Path) -> Error {
    let what = if path.join(".metadata").is_file() {
        "is a folder of torch.distributed.checkpoint; make a file of it with torch.distributed.checkpoint.format_utils.dcp_to_torch_save"
    } else {
        "is a folder; choose a checkpoint in it"
    };
    Error::data(format!("{} {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_checkpoint_is_called_by_its_name() {
        let cases: [(&[u8], &str); 14] = [
            (b"", "empty"),
            (b"notes on the weights", "text file"),
            (b"\xef\xbb\xbf<?xml version", "web page"),
            (b"(dp0\nVweight\np1\nL1L\ns.", "pickle"),
            (b"caf\xc3\xa9", "text file"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 46830571\n", "git lfs pull"),
            (b"\n <!DOCTYPE html><html><head>", "web page"),
            (b"<HTML>", "web page"),
            (b"{\"error\": \"Repository not found\"}", "JSON"),
            (b"\x89HDF\r\n\x1a\n\0\0", "HDF5"),
            (b"\x08\x08\x12\x07pytorch\0\0", "ONNX"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"\x80\x04\x95\x20\0\0", "pickle"),
            (b"\x1f\x8b\x08\0", "gunzip"),
        ];
        for (bytes, word) in cases {
            assert!(verdict(bytes).is_some_and(|verdict| verdict.contains(word)), "{word}");
        }
        for unknown in [b"\0\0\0\0".as_slice(), b"\x08", b"{\0\0", b"weights\x01"] {
            assert_eq!(verdict(unknown), None, "{unknown:?}");
        }
        let of = |names: &[&'static str]| verdict_on_archive(names.iter().copied());
        assert!(of(&["a.npy"]).unwrap().contains("NumPy"));
        assert!(of(&["m/data.pkl", "m/constants.pkl"]).unwrap().contains("TorchScript"));
        assert!(of(&["config.json", "model.weights.h5"]).unwrap().contains("Keras"));
        assert!(of(&["readme.txt"]).unwrap().contains("zip archive"));
        assert_eq!(of(&["m/data.pkl"]), None);
    }
}
