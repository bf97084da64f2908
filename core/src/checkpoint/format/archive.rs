//! Folders and archives that are no checkpoints, and what to do with each.

use std::path::Path;

use crate::error::Error;

/// A clause after its name: what a zip archive is that holds no checkpoint of `torch.save`, if it is known.
pub(super) fn verdict<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
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
    fn an_archive_is_called_by_what_lies_in_it() {
        let of = |names: &[&'static str]| verdict(names.iter().copied());
        assert!(of(&["a.npy"]).unwrap().contains("NumPy"));
        assert!(of(&["m/data.pkl", "m/constants.pkl"]).unwrap().contains("TorchScript"));
        assert!(of(&["config.json", "model.weights.h5"]).unwrap().contains("Keras"));
        assert!(of(&["readme.txt"]).unwrap().contains("zip archive"));
        assert_eq!(of(&["m/data.pkl"]), None);
    }
}
