//! The thread that reads runs, in the order of the requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use basin_core::config::Registry;
use basin_core::run::Located;
use egui::Context;

use super::view::{RunView, Stamp};

/// The answer to a request.
pub struct Answer {
    /// The run's folder.
    pub folder: PathBuf,
    /// The run as it is now; `None` if it has not changed.
    pub view: Option<RunView>,
}

/// The window's end of the channels to the thread.
pub struct Reader {
    questions: Sender<(Located, Option<Stamp>)>,
    answers: Receiver<Answer>,
}

impl Reader {
    /// Starts the thread, which ends when this value is dropped.
    pub fn new(registry: Arc<Registry>, context: &Context) -> Self {
        let (questions, asked) = channel::<(Located, Option<Stamp>)>();
        let (sender, answers) = channel();
        let context = context.clone();
        let work = move || {
            while let Ok((run, known)) = asked.recv() {
                let stamp = Stamp::of(&run);
                let folder = run.run.root().to_owned();
                let view = (known != Some(stamp)).then(|| RunView::read(run, stamp, &registry));
                let is_news = view.is_some();
                if sender.send(Answer { folder, view }).is_err() {
                    return;
                }
                if is_news {
                    context.request_repaint();
                }
            }
        };
        // Without the thread runs stay unknown, and the list shows their names.
        std::thread::Builder::new().name("runs".to_owned()).spawn(work).ok();
        Self { questions, answers }
    }

    /// Asks for a run, unless its state is still `known`.
    pub fn ask(&self, run: Located, known: Option<Stamp>) {
        self.questions.send((run, known)).ok();
    }

    /// The answers since the last call.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.try_iter().collect()
    }
}
