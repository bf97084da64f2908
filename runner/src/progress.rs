//! What happens, on standard error: a bar on a terminal, a line for each epoch and point elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;

use basin_core::event::Event;
use basin_core::number;
use basin_core::text::{printable, printable_lines};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes a line to standard error. Nobody may be there to read it, which must not end the work.
pub fn say(line: &str) {
    writeln!(std::io::stderr(), "{}", printable_lines(line)).ok();
}

/// Shows events.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    /// What the bar counts now.
    phase: Mutex<String>,
}

impl Progress {
    /// A bar that is not yet drawn; on no terminal it never is.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, phase: Mutex::default() }
    }

    /// Shows one event.
    pub fn show(&self, event: Event) {
        match event {
            Event::Note(note) => self.line(&note),
            Event::Decoding { split, done, total } => {
                self.count(&format!("decoding {split} images"), done, total, String::new());
            }
            Event::Evaluating { done, total } => self.count("evaluating", done, total, String::new()),
            Event::Progress { what, done, total, unit } => {
                let left = number::duration(self.bar.eta().as_secs_f64());
                self.count(&what, done as usize, total as usize, format!("{unit}, {left} left"));
            }
            Event::Step { epoch, epochs, done, total, loss, accuracy, images_per_second, seconds_left } => {
                let [loss, accuracy] = [number::loss(loss), number::percent(accuracy)];
                let [rate, left] = [number::count(images_per_second), number::duration(seconds_left)];
                let message = format!("loss {loss} accuracy {accuracy} % {rate} images/s, {left} left");
                self.count(&format!("epoch {epoch}/{epochs}"), done, total, message);
            }
            Event::Epoch { epoch, epochs, summary } => {
                self.line(&format!("epoch {epoch}/{epochs}: {summary}"));
            }
            Event::Point { coefficient, summary, done, total } => {
                self.line(&format!("coefficient {coefficient:.3} ({done}/{total}): {summary}"));
            }
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn count(&self, phase: &str, done: usize, total: usize, message: String) {
        if let Ok(mut current) = self.phase.lock()
            && *current != phase
        {
            self.bar.reset();
            self.bar.set_prefix(printable(phase).into_owned());
            *current = phase.to_owned();
        }
        self.bar.set_length(total as u64);
        self.bar.set_message(message);
        self.bar.set_position(done as u64);
    }

    fn line(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            self.bar.println(printable_lines(text));
        } else {
            say(text);
        }
    }
}
