//! What tables and figures call networks.

use crate::checkpoint::Location;
use std::collections::HashSet;

/// The names of the files without their endings, if they tell the files apart; else also the folders that not all share.
pub fn short_names(locations: &[Location]) -> Vec<String> {
    let stems: Vec<String> = locations.iter().map(Location::stem).collect();
    if stems.iter().collect::<HashSet<_>>().len() == stems.len() {
        return stems;
    }
    let parts = |location: &Location| [location.folders(), vec![location.stem()]].concat();
    let all: Vec<Vec<String>> = locations.iter().map(parts).collect();
    let own = |(parts, stem): (&Vec<String>, String)| {
        let is_shared = |part: &&String| all.iter().all(|others| others.contains(part));
        let own: Vec<&str> = parts.iter().filter(|part| !is_shared(part)).map(String::as_str).collect();
        if own.is_empty() { stem } else { own.join("/") }
    };
    all.iter().zip(stems).map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_called_by_what_tells_them_apart() {
        let names = |paths: &[&str]| short_names(&paths.iter().map(Location::parse).collect::<Vec<_>>());
        assert_eq!(
            names(&[
                "runs-rep1/clipart/tuned/checkpoints/ckpt-E006.safetensors",
                "runs-rep2/clipart/tuned/checkpoints/ckpt-E006.safetensors",
                "runs-rep1/clipart/scratch/checkpoints/ckpt-E006.safetensors",
            ]),
            ["runs-rep1/tuned", "runs-rep2/tuned", "runs-rep1/scratch"]
        );
        assert_eq!(names(&["a/1.pth.tar", "b/2.pth.tar"]), ["1", "2"]);
        assert_eq!(names(&["a/1.pth", "a/1.pth"]), ["1", "1"]);
    }
}
