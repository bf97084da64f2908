//! One image with its label and what both networks say of it.

use std::sync::Arc;

use basin_core::error::Error;
use basin_core::number;
use egui::{Context, Grid, Sense, Ui};

use super::opened::{Choice, Opened};
use crate::background::Slot;
use crate::widget::picture::Picture;
use crate::widget::problem;

/// Side of the image, points.
const SIDE: f32 = 260.0;
/// Answers of each network that are shown, the likeliest ones.
const TOP: usize = 3;

/// An image that was clicked.
pub struct Detail {
    id: String,
    truth: String,
    /// Each network's name, and its answers: name, probability and logit.
    said: [(String, Vec<[String; 3]>); 2],
    image: Slot<Picture>,
}

impl Detail {
    /// Starts to read the image of a sample.
    pub fn of(context: &Context, opened: &Arc<Opened>, choice: Choice, sample: usize) -> Option<Self> {
        let (two, question) = (opened.answers.pair(opened.pair(choice)?)?, opened.question(choice)?);
        let id = opened.answers.first().ids.get(sample)?.clone();
        let (truth, _) = two.decision(question, sample);
        let said = [0, 1].map(|network| {
            let logits = two.logits(network, sample);
            let mut answers: Vec<(usize, f64)> =
                question.probabilities(logits).into_iter().enumerate().collect();
            answers.sort_by(|one, other| other.1.total_cmp(&one.1));
            let line = |(answer, probability): (usize, f64)| {
                let logit = question.logit(logits, answer);
                [
                    two.answer(question, answer).to_owned(),
                    number::fraction(probability),
                    number::general(f64::from(logit)),
                ]
            };
            (two.names[network].to_owned(), answers.into_iter().take(TOP).map(line).collect())
        });
        let mut image = Slot::default();
        let (opened, name, context_of) = (Arc::clone(opened), id.clone(), context.clone());
        image.start(context, move || {
            let images = opened.images.as_ref().map_err(Error::data)?;
            Picture::photograph(&context_of, "mistake", &images.image(&name)?)
        });
        Some(Self { truth: two.answer(question, truth).to_owned(), id, said, image })
    }

    /// Draws it; whether it shall be closed.
    pub fn ui(&mut self, ui: &mut Ui) -> bool {
        self.image.poll();
        let Self { id, truth, said, image } = self;
        let drawn = ui.group(|ui| {
            ui.horizontal(|ui| {
                match (image.value(), image.error()) {
                    (_, Some(sentence)) => problem(ui, sentence),
                    (Some(picture), _) => drop(picture.ui(ui, &format!("Large {id}"), SIDE, Sense::hover())),
                    (None, None) => drop(ui.spinner()),
                }
                let text = ui.vertical(|ui| {
                    ui.strong(format!("true: {truth}"));
                    ui.label(id.as_str());
                    ui.add_space(6.0);
                    ui.horizontal_top(|ui| {
                        for ((name, answers), rank) in said.iter().zip(["1st", "2nd"]) {
                            ui.vertical(|ui| answers_ui(ui, rank, name, answers));
                            ui.add_space(12.0);
                        }
                    });
                    ui.add_space(6.0);
                    ui.button("Close").clicked()
                });
                text.inner
            })
        });
        drawn.inner.inner
    }
}

fn answers_ui(ui: &mut Ui, rank: &str, name: &str, answers: &[[String; 3]]) {
    let answer = answers.first().map_or("", |answer| &answer[0]);
    ui.strong(format!("{rank} says {answer}")).on_hover_text(name);
    Grid::new(("answers", rank)).striped(true).show(ui, |ui| {
        for heading in ["answer", "probability", "logit"] {
            ui.weak(heading);
        }
        ui.end_row();
        for answer in answers {
            for cell in answer {
                ui.label(cell);
            }
            ui.end_row();
        }
    });
}
