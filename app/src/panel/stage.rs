//! One panel without a window, for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::Registry;
use basin_core::device::Choice;
use egui::{Ui, vec2};
use egui_kittest::Harness;

use crate::context::{Cx, Dialogs};
use crate::queue::Queue;
use crate::runs::Runs;
use crate::widget::export::Export;

/// How long a test waits for the background.
const PATIENCE: Duration = Duration::from_secs(60);

/// A panel and what it is given.
pub struct Stage<P> {
    pub panel: P,
    base: PathBuf,
    parts: Option<(Runs, Queue, Export, Dialogs)>,
}

/// Puts a panel over a base folder.
pub fn stage<P: 'static>(
    panel: P,
    base: &Path,
    draw: fn(&mut P, &mut Ui, &mut Cx),
) -> Harness<'static, Stage<P>> {
    let show = move |ui: &mut Ui, stage: &mut Stage<P>| {
        let (runs, queue, export, dialogs) = stage.parts.get_or_insert_with(|| {
            let (context, registry) = (ui.ctx(), Arc::new(Registry::load().unwrap()));
            let runs = Runs::open(stage.base.clone(), String::new(), registry, context);
            (runs, Queue::new(context), Export::default(), Dialogs::default())
        });
        runs.update(ui.ctx());
        let device = Choice::Cpu;
        let mut commands = Vec::new();
        let mut cx = Cx { runs, queue, device, export, dialogs, commands: &mut commands };
        draw(&mut stage.panel, ui, &mut cx);
    };
    let builder = Harness::builder().with_size(vec2(1200.0, 2400.0)).allow_missing_glyphs();
    builder.build_ui_state(show, Stage { panel, base: base.to_owned(), parts: None })
}

/// Draws until something is so.
#[track_caller]
pub fn wait<P>(harness: &mut Harness<'_, Stage<P>>, what: &str, is_so: impl Fn(&P) -> bool) {
    let start = Instant::now();
    while !is_so(&harness.state().panel) {
        assert!(start.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
    harness.step();
}
