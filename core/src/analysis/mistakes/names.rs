//! Names for tables and figures.

use std::collections::HashSet;
use std::path::Path;

use crate::checkpoint::stem;

/// Short names of files: the parts in which their paths differ, or their stems where nothing does.
pub(super) fn of_files(paths: &[&Path]) -> Vec<String> {
    let parts = |path: &&Path| -> Vec<String> {
        let folder = path.parent().into_iter().flat_map(Path::components);
        let mut parts: Vec<String> =
            folder.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        // The folders that every run has say nothing.
        parts.retain(|part| !["checkpoints", "predictions"].contains(&part.as_str()));
        parts.push(stem(path));
        parts
    };
    let all: Vec<Vec<String>> = paths.iter().map(parts).collect();
    let is_comparable = all.iter().all(|parts| parts.len() == all[0].len());
    let differs = |at: usize| !is_comparable || all.iter().any(|parts| parts[at] != all[0][at]);
    let name = |parts: &Vec<String>| {
        let differing =
            parts.iter().enumerate().filter(|(at, _)| differs(*at)).map(|(_, part)| part.as_str());
        let name = differing.collect::<Vec<_>>().join("/");
        if name.is_empty() { parts.last().cloned().unwrap_or_default() } else { name }
    };
    all.iter().map(name).collect()
}

/// Names of classes: the folder that the samples of each lie in, or their numbers where folders are not classes.
pub(super) fn of_classes(ids: &[String], labels: &[usize], classes: usize) -> Vec<String> {
    let mut folders: Vec<Option<&str>> = vec![None; classes];
    let is_class = ids.iter().zip(labels).all(|(id, label)| {
        let folder = id.rsplit('/').nth(1);
        folder.is_some()
            && *folders[*label].get_or_insert(folder.unwrap_or_default()) == folder.unwrap_or_default()
    });
    let known: Vec<&str> = folders.iter().copied().flatten().collect();
    let is_distinct = known.iter().collect::<HashSet<_>>().len() == known.len();
    let name = |(class, folder): (usize, &Option<&str>)| match folder {
        Some(folder) if is_class && is_distinct => (*folder).to_owned(),
        _ => class.to_string(),
    };
    folders.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_by_what_tells_them_apart() {
        let check = |paths: &[&str], names: &[&str]| {
            let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
            assert_eq!(of_files(&paths), names);
        };
        check(
            &["e/real/a/predictions/last.safetensors", "e/real/b/predictions/last.safetensors"],
            &["a", "b"],
        );
        check(
            &["e/a/x/last.safetensors", "e-rep1/a/x/last.safetensors", "e/b/x/checkpoints/best.safetensors"],
            &["e/a/last", "e-rep1/a/last", "e/b/best"],
        );
        check(&["e/last.safetensors", "e/last.safetensors"], &["last", "last"]);
        check(&["one.safetensors", "e/two.pth.tar"], &["one", "e/two"]);
    }

    #[test]
    fn classes_are_called_by_their_folders_where_these_are_classes() {
        let names = |ids: &[&str], labels: &[usize]| {
            of_classes(&ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), labels, 3)
        };
        assert_eq!(names(&["real/cat/1.jpg", "real/dog/1.jpg"], &[0, 2]), ["cat", "1", "dog"]);
        assert_eq!(names(&["test_batch/0001", "test_batch/0002"], &[0, 2]), ["0", "1", "2"]);
        assert_eq!(names(&["real/cat/1.jpg", "real/dog/1.jpg"], &[2, 2]), ["0", "1", "2"]);
        assert_eq!(names(&["1.jpg"], &[1]), ["0", "1", "2"]);
    }
}
