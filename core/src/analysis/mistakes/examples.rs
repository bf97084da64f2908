//! Samples by quadrant: as lists, and as images on a contact sheet.

use std::collections::HashMap;

use rayon::prelude::*;

use super::counts::Quadrant;
use super::question::Question;
use crate::config::{Experiment, Interpolation};
use crate::data::{Dataset, RgbImage, Split, center_crop, resize_shorter_side};
use crate::error::{Error, Result};
use crate::evaluate::predictions::Predictions;
use crate::figure::{Group, PICTURE, Picture, Sheet};

/// Two networks' predictions of the same samples in the same order.
#[derive(Debug, Clone, Copy)]
pub struct Two<'a> {
    /// Their names.
    pub names: [&'a str; 2],
    /// What each says.
    pub predictions: [&'a Predictions; 2],
    /// Names of classes; none where labels are findings.
    pub classes: &'a [String],
}

impl Two<'_> {
    /// Right answer and both networks' answers.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn decision(&self, question: Question, sample: usize) -> (usize, [usize; 2]) {
        let label = self.predictions[0].evaluation.labels[sample];
        (question.truth(label), [0, 1].map(|network| question.answer(self.logits(network, sample))))
    }

    /// Logits of the first (0) or second (1) network.
    ///
    /// # Panics
    /// If there is no such network or sample.
    pub fn logits(&self, network: usize, sample: usize) -> &[f32] {
        self.predictions[network].evaluation.row(sample)
    }

    /// An answer in words.
    ///
    /// # Panics
    /// If there is no such answer.
    pub fn answer(&self, question: Question, answer: usize) -> &str {
        match question {
            Question::Class => &self.classes[answer],
            Question::Finding(..) => ["absent", "present"][answer],
        }
    }

    /// The samples of a quadrant, in order.
    pub fn quadrant(&self, question: Question, quadrant: Quadrant) -> Vec<usize> {
        let is_in = |sample: &usize| {
            let (truth, answers) = self.decision(question, *sample);
            Quadrant::of(truth, answers) == quadrant
        };
        (0..self.predictions[0].ids.len()).filter(is_in).collect()
    }

    /// All samples, quadrant after quadrant, as CSV.
    pub fn list(&self, questions: &[Question]) -> Result<Vec<u8>> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let head = ["question", "quadrant", "id", "truth", "first", "second", "first_loss", "second_loss"];
        let failed =
            |error: csv::Error| Error::run(format!("the list of samples cannot be written: {error}"));
        csv.write_record(head).map_err(failed)?;
        for question in questions {
            for quadrant in Quadrant::ALL {
                for sample in self.quadrant(*question, quadrant) {
                    let (truth, answers) = self.decision(*question, sample);
                    let losses = self.predictions.map(|of| of.evaluation.losses[sample].to_string());
                    let [truth, first, second] =
                        [truth, answers[0], answers[1]].map(|answer| self.answer(*question, answer));
                    let id = &self.predictions[0].ids[sample];
                    let fields = [question.name(), quadrant.name(), id, truth, first, second];
                    csv.write_record(fields.into_iter().chain(losses.iter().map(String::as_str)))
                        .map_err(failed)?;
                }
            }
        }
        csv.into_inner().map_err(|error| failed(error.into_error().into()))
    }

    /// Up to `count` images of each quadrant, evenly spaced over its list.
    pub fn sheet(&self, question: Question, count: usize, images: &SplitImages) -> Result<Sheet> {
        let ids = &self.predictions[0].ids;
        let group = |quadrant: Quadrant| {
            let samples = self.quadrant(question, quadrant);
            let shown = count.min(samples.len());
            let chosen = (0..shown).map(|number| samples[number * samples.len() / shown]).collect::<Vec<_>>();
            let picture = |sample: &usize| {
                let (truth, answers) = self.decision(question, *sample);
                let said = |network: usize| {
                    let confidence = question.confidence(self.logits(network, *sample));
                    format!("{}: {} {confidence:.2}", network + 1, self.answer(question, answers[network]))
                };
                let lines = vec![format!("true: {}", self.answer(question, truth)), said(0), said(1)];
                Ok(Picture { image: images.square(&ids[*sample])?, lines })
            };
            let pictures = chosen.par_iter().map(picture).collect::<Result<_>>()?;
            let title = format!("{} ({} of {})", quadrant.title(), samples.len(), ids.len());
            Ok(Group { title, pictures })
        };
        let [one, two] = self.names;
        let finding = match question {
            Question::Class => String::new(),
            Question::Finding(_, name) => format!("{name}. "),
        };
        Ok(Sheet {
            title: format!("{finding}1 is {one}, 2 is {two}; numbers are probabilities of the answers"),
            groups: Quadrant::ALL.into_iter().map(group).collect::<Result<_>>()?,
        })
    }
}

/// The images of a split, found by id.
#[derive(Debug)]
pub struct SplitImages {
    dataset: Dataset,
    positions: HashMap<String, usize>,
}

impl SplitImages {
    /// Lists the split that the predictions are of.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Usage`] if the data are not where the settings say.
    pub fn open(experiment: &Experiment, split: &str) -> Result<Self> {
        let split = Split::named(split).ok_or_else(|| Error::data(format!("{split} is no split")))?;
        let dataset = Dataset::list(&experiment.data, split)?;
        let positions = (0..dataset.len()).map(|at| (dataset.id(at).to_owned(), at)).collect();
        Ok(Self { dataset, positions })
    }

    /// An image as it is stored.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Io`] naming the image that is missing or broken.
    pub fn image(&self, id: &str) -> Result<RgbImage> {
        let at = self
            .positions
            .get(id)
            .ok_or_else(|| Error::data(format!("{id} is not among the images that the settings name")))?;
        self.dataset.image(*at)
    }

    /// The middle of an image as a square of [`PICTURE`] pixels.
    ///
    /// # Errors
    /// Those of [`SplitImages::image`].
    pub fn square(&self, id: &str) -> Result<RgbImage> {
        let side = PICTURE as usize;
        Ok(center_crop(&resize_shorter_side(&self.image(id)?, side, Interpolation::Bilinear)?, side))
    }
}
