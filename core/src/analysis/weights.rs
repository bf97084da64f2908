//! A checkpoint whose values are analysed, without images.

use std::path::Path;

use super::subject::{Source, read};
use crate::checkpoint::StateDict;
use crate::error::{Error, Result};
use crate::model::Arch;
use crate::run::RunDir;

/// A checkpoint as the values of an architecture, all of them finite.
#[derive(Debug)]
pub struct Weights {
    /// Where they came from.
    pub source: Source,
    /// The architecture, with the head that the checkpoint has.
    pub arch: Arch,
    /// The values.
    pub state: StateDict,
}

impl Weights {
    /// Loads a checkpoint of the architecture that it says it is of, or else of that of its run, or else of `arch`.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file if it is missing, broken, or of another architecture; [`Error::Usage`] if nothing says
    /// which one; [`Error::Diverged`] naming a tensor with values that are not finite.
    pub fn load(path: &Path, arch: Option<&str>) -> Result<Self> {
        let (source, state) = read(path)?;
        let own = source.metadata.get("arch").filter(|own| Arch::names().any(|name| name == own.as_str()));
        let record = RunDir::of_checkpoint(path).map(|run| run.read_record()).transpose()?.flatten();
        let of_run = record.as_ref().map(|record| record.experiment.model.arch.as_str());
        let Some(name) = own.map(String::as_str).or(of_run).or(arch) else {
            return Err(Error::usage(format!(
                "{} does not say of which architecture it is; name a key of that architecture with -k KEY",
                source.path
            )));
        };
        let arch = Arch::new(name, state.get("fc.bias").map_or(1, |bias| bias.data.len()))?;
        let specs = arch.parameters.iter().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
        if let Some(problems) = state.mismatch(specs) {
            return Err(Error::data(format!(
                "{} is no {name}: {problems}; choose a checkpoint of this architecture, or name a key of another with -k KEY",
                source.path
            )));
        }
        for tensor in &state.tensors {
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::Diverged(format!(
                    "{} holds {value} in {}; choose a checkpoint from before the training diverged",
                    source.path, tensor.name
                )));
            }
        }
        Ok(Self { source, arch, state })
    }
}

/// Short names for checkpoints: what is left of their paths without the folders that all have in common.
///
/// `a/run1/checkpoints/ckpt-E006.safetensors` and `a/run2/checkpoints/ckpt-best.safetensors` are `run1/ckpt-E006` and
/// `run2/ckpt-best`.
pub fn labels(sources: &[Source]) -> Vec<String> {
    let parts = |source: &Source| -> Vec<String> {
        let folders = Path::new(&source.path).parent().into_iter().flat_map(Path::components);
        let folders = folders.map(|folder| folder.as_os_str().to_string_lossy().into_owned());
        folders.filter(|folder| folder != "checkpoints").chain([source.stem()]).collect()
    };
    let mut parts: Vec<Vec<String>> = sources.iter().map(parts).collect();
    // What all begin with goes, then what all end with; one part stays.
    for _ in 0..2 {
        while !parts.is_empty() && parts.iter().all(|part| part.len() > 1 && part[0] == parts[0][0]) {
            parts.iter_mut().for_each(|part| drop(part.remove(0)));
        }
        parts.iter_mut().for_each(|part| part.reverse());
    }
    parts.iter().map(|part| part.join("/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_differs() {
        let of = |paths: &[&str]| {
            let source = |path: &&str| Source {
                path: (*path).to_owned(),
                sha256: String::new(),
                metadata: Default::default(),
            };
            labels(&paths.iter().map(source).collect::<Vec<_>>())
        };
        assert_eq!(of(&["x/run/checkpoints/ckpt-E006.safetensors"]), ["ckpt-E006"]);
        assert_eq!(of(&["x/a/checkpoints/one.pth", "x/b/checkpoints/two.pth.tar"]), ["a/one", "b/two"]);
        assert_eq!(of(&["x/k/a/last.pth", "x-rep1/k/a/last.pth"]), ["x", "x-rep1"]);
        assert_eq!(of(&["a/last.pth", "a/b/last.pth"]), ["last", "b/last"]);
        assert_eq!(of(&["last.pth", "last.pth"]), ["last", "last"]);
    }
}
