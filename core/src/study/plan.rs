//! What a study would do, without doing it.

use super::{Options, Study, runs};
use crate::config::Registry;
use crate::error::Result;
use crate::figure::Table;
use crate::run::{MetricsRecord, read_metrics};

/// What a study needs and costs, its runs and how far each is, as text.
///
/// # Errors
/// Those of [`Study::members`], and of runs that hold other settings or are broken.
pub fn plan(study: &Study, options: &Options, registry: &Registry) -> Result<String> {
    let mut done = 0;
    let mut rows = Vec::new();
    for run in runs(study, options, registry)? {
        let epochs = run.request.experiment.train.epochs;
        let state = if run.request.is_done()? {
            done += 1;
            "done".to_owned()
        } else {
            let metrics = read_metrics(&run.request.run_dir().metrics())?;
            match metrics.last() {
                Some(MetricsRecord { epoch, .. }) => format!("epoch {epoch} of {epochs}"),
                None => format!("to train, {epochs} epochs"),
            }
        };
        let member = run.member;
        rows.push(vec![member.name, member.key, member.replicate.to_string(), state]);
    }
    let total = rows.len();
    let columns = ["run", "key", "replicate", "state"].map(str::to_owned).to_vec();
    let table = Table { columns, rows }.text();
    let parts: Vec<&str> = study.parts.iter().map(|part| part.title.as_str()).collect();
    let Study { title, needs, costs, .. } = study;
    let needs = if needs.is_empty() { "nothing" } else { needs };
    Ok(format!(
        "{title}\nneeds: {needs}\ncosts: {costs}\nparts: {}\n\n{table}\n{done} of {total} runs are done\n",
        parts.join("; ")
    ))
}
