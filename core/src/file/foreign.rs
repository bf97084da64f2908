//! Files that are not what they were taken for: what they are by their first bytes, and what to do.

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// A clause after its name, beginning with "is".
    pub is: &'static str,
    /// What helps.
    pub remedy: Remedy,
}

/// What to do with a file that is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Whatever the file was taken for.
    Always(&'static str),
    /// In place of a checkpoint.
    OfCheckpoint(&'static str),
}
use Remedy::{Always, OfCheckpoint};

impl Foreign {
    /// What it is, and what to do if it was taken for a checkpoint: a clause after the file's name.
    pub fn in_place_of_checkpoint(self) -> String {
        let (Always(remedy) | OfCheckpoint(remedy)) = self.remedy;
        format!("{}; {remedy}", self.is)
    }

    /// The same where another file was expected, if it is known for sure that this is none.
    pub fn in_place_of_data(self) -> Option<String> {
        match self.remedy {
            Always(remedy) => Some(format!("{}; {remedy}", self.is)),
            OfCheckpoint(_) => None,
        }
    }
}

/// By how a file begins.
const BEGINNINGS: [(&[u8], Foreign); 17] = [
    (
        b"version https://git-lfs",
        Foreign {
            is: "is a pointer of Git LFS in place of the file",
            remedy: Always("fetch the file with `git lfs pull`"),
        },
    ),
    (
        b"\x89HDF",
        Foreign {
            is: "is an HDF5 file, as Keras writes",
            remedy: OfCheckpoint("export its weights as safetensors or with torch.save"),
        },
    ),
    (
        b"\x93NUMPY",
        Foreign {
            is: "is a NumPy array",
            remedy: OfCheckpoint("save a state dict with torch.save or as safetensors"),
        },
    ),
    (
        b"GGUF",
        Foreign {
            is: "is a GGUF file, whose weights are quantised",
            remedy: OfCheckpoint("choose the checkpoint that it was made from"),
        },
    ),
    (b"\x1f\x8b", packed("is compressed with gzip", "unpack it with gunzip")),
    (b"BZh", BZIP2),
    (b"\xfd7zXZ\0", packed("is compressed with xz", "unpack it with unxz")),
    (b"\x28\xb5\x2f\xfd", packed("is compressed with Zstandard", "unpack it with unzstd")),
    (b"7z\xbc\xaf\x27\x1c", packed("is a 7z archive", "unpack it and choose the file in it")),
    (b"Rar!\x1a\x07", packed("is a RAR archive", "unpack it and choose the file in it")),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"%PDF", Foreign { is: "is a PDF document", remedy: CHOOSE }),
    (
        b"\x08\x01\x12",
        Foreign {
            is: "is a SavedModel of TensorFlow",
            remedy: OfCheckpoint("export its weights as safetensors or with torch.save"),
        },
    ),
    (b"\x08", ONNX),
    (b"{", JSON),
    (b"[", JSON),
];
const CHOOSE: Remedy = OfCheckpoint("choose a checkpoint");
const PICTURE: Foreign = Foreign { is: "is a picture", remedy: CHOOSE };
const BZIP2: Foreign = packed("is compressed with bzip2", "unpack it with bunzip2");
const ONNX: Foreign = Foreign {
    is: "is an ONNX model",
    remedy: OfCheckpoint("choose the PyTorch checkpoint that it was exported from"),
};
const JSON: Foreign = Foreign {
    is: "is JSON text, as a server sends for an error",
    remedy: OfCheckpoint("look into it, and download the checkpoint again"),
};
const PAGE: Foreign = Foreign {
    is: "is a web page in place of the file, as a server sends for a sign-in or a quota",
    remedy: Always("download the file again"),
};
const EMPTY: Foreign = Foreign { is: "is empty", remedy: Always("copy or download it again") };
const TEXT: Foreign = Foreign { is: "is a text file", remedy: CHOOSE };
/// A pickle in protocol 0 to 5.
pub(crate) const PICKLE: Foreign = Foreign {
    is: "is a pickle that torch.save did not write",
    remedy: OfCheckpoint("load it in Python and save its state dict with torch.save"),
};

const fn packed(is: &'static str, remedy: &'static str) -> Foreign {
    Foreign { is, remedy: Always(remedy) }
}

/// What bytes of no format of ours are, if it is known.
pub(crate) fn foreign(bytes: &[u8]) -> Option<Foreign> {
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
    let is_right = |known: Foreign| match known {
        // A version, and then the name of the program that wrote the model, or the model's graph.
        ONNX => matches!(bytes, [0x08, 1..=32, 0x12 | 0x1a | 0x3a, ..]),
        JSON => is_text(bytes),
        BZIP2 => bytes.get(4..).is_some_and(|rest| rest.starts_with(b"1AY&SY")),
        _ => true,
    };
    let known = BEGINNINGS.iter().find(|(start, known)| text.starts_with(start) && is_right(*known));
    known.map(|(_, known)| *known).or_else(|| is_text(bytes).then_some(TEXT))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_checkpoint_is_called_by_its_name() {
        let cases: [(&[u8], &str); 17] = [
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
            (b"\x08\x01\x12\xf3\x02", "TensorFlow"),
            (b"BZh91AY&SY", "bunzip2"),
            (b"BZhang/1.jpg 0", "text file"),
            (b"\x08\x08\x12\x07pytorch\0\0", "ONNX"),
            (b"\x93NUMPY\x01\0", "NumPy"),
            (b"\x80\x04\x95\x20\0\0", "pickle"),
            (b"\x1f\x8b\x08\0", "gunzip"),
        ];
        for (bytes, word) in cases {
            assert!(
                foreign(bytes).is_some_and(|known| known.in_place_of_checkpoint().contains(word)),
                "{word}"
            );
        }
        for unknown in [b"\0\0\0\0".as_slice(), b"\x08", b"{\0\0", b"weights\x01"] {
            assert_eq!(foreign(unknown), None, "{unknown:?}");
        }
    }
}
