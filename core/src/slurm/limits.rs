//! What a cluster allows, from `scontrol show config`.

use crate::error::{Error, Result};

/// Slurm's own limit where nobody changed it.
const DEFAULT: usize = 1001;

/// How many tasks an array may have: the highest index is one less than `MaxArraySize`, and `max_array_tasks` may allow fewer.
///
/// # Errors
/// [`Error::Run`] if the cluster has no job arrays.
pub fn array_size(config: &str) -> Result<usize> {
    let value = |name: &str| {
        let lines = config.lines().filter_map(|line| line.split_once('='));
        lines.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).next()
    };
    let largest = value("MaxArraySize").and_then(|size| size.parse().ok()).unwrap_or(DEFAULT);
    let parameters = value("SchedulerParameters").unwrap_or_default().split(',');
    let allowed = parameters.filter_map(|parameter| parameter.strip_prefix("max_array_tasks=")?.parse().ok());
    match allowed.chain([largest]).min() {
        Some(size) if size > 0 => Ok(size),
        _ => Err(Error::run(
            "this cluster has no job arrays (MaxArraySize is 0); use `runner sweep` in a job instead",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_counts() {
        let config = "Configuration data as of 2026\nMaxArraySize            = 501\nSchedulerParameters     = bf_window=9,max_array_tasks=40\n";
        assert_eq!(array_size(config).unwrap(), 40);
        assert_eq!(array_size("MaxArraySize            = 11\nSchedulerParameters     = (null)").unwrap(), 11);
        assert_eq!(array_size("").unwrap(), 1001);
        assert!(array_size("MaxArraySize = 0").unwrap_err().to_string().contains("runner sweep"));
    }
}
