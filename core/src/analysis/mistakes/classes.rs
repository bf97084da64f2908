//! What classes are called.

use std::collections::HashSet;

/// Names of classes: the folder that the samples of each lie in, or their numbers where folders are not classes. There is a label
/// for each id.
///
/// # Panics
/// If a label is no class.
pub fn class_names(ids: &[impl AsRef<str>], labels: &[usize], classes: usize) -> Vec<String> {
    let mut folders: Vec<Option<&str>> = vec![None; classes];
    let is_class = ids.iter().zip(labels).all(|(id, label)| {
        let folder = id.as_ref().rsplit('/').nth(1);
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
    fn classes_are_called_by_their_folders_where_these_are_classes() {
        let names = |ids: &[&str], labels: &[usize]| class_names(ids, labels, 3);
        assert_eq!(names(&["real/cat/1.jpg", "real/dog/1.jpg"], &[0, 2]), ["cat", "1", "dog"]);
        assert_eq!(names(&["test_batch/0001", "test_batch/0002"], &[0, 2]), ["0", "1", "2"]);
        assert_eq!(names(&["real/cat/1.jpg", "real/dog/1.jpg"], &[2, 2]), ["0", "1", "2"]);
        assert_eq!(names(&["1.jpg"], &[1]), ["0", "1", "2"]);
    }
}
