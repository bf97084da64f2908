//! The images of a quadrant, a page at a time, and one of them with what both networks say of it.

use std::sync::Arc;

use basin_core::analysis::mistakes::Quadrant;
use basin_core::number;
use egui::{ComboBox, Sense, Ui};

use super::detail::Detail;
use super::opened::{Choice, Opened};
use crate::background::Slot;
use crate::widget::picture::Picture;
use crate::widget::{hint, problem};

/// Images of a page, and the side of each, points.
const PAGE: usize = 24;
const SIDE: f32 = 96.0;

/// What the gallery remembers.
pub struct Gallery {
    pub quadrant: Quadrant,
    order: Order,
    page: usize,
    listed: Option<Listed>,
    thumbnails: Slot<Vec<Thumbnail>>,
    /// Which samples the thumbnails are of.
    asked: Vec<usize>,
    detail: Option<Detail>,
}

/// How samples are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As the data set lists them.
    Listed,
    /// Those that the first network (0) or the second (1) is surest of before the others.
    Surest(usize),
}

impl Order {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Surest(0), "1st is surest of"),
        (Self::Surest(1), "2nd is surest of"),
        (Self::Listed, "as listed"),
    ];
}

/// The samples that are shown, and what they were found by.
struct Listed {
    opened: Arc<Opened>,
    choice: Choice,
    quadrant: Quadrant,
    order: Order,
    samples: Vec<usize>,
}

struct Thumbnail {
    sample: usize,
    id: String,
    picture: Result<Picture, String>,
}

impl Default for Gallery {
    fn default() -> Self {
        Self {
            quadrant: Quadrant::OnlyOneWrong,
            order: Order::Surest(0),
            page: 0,
            listed: None,
            thumbnails: Slot::default(),
            asked: Vec::new(),
            detail: None,
        }
    }
}

impl Gallery {
    /// Draws the choice of a quadrant, the page, and the image that was clicked.
    pub fn ui(&mut self, ui: &mut Ui, opened: &Arc<Opened>, choice: Choice) {
        ui.heading("Images");
        self.choose(ui, opened, choice);
        if let Err(sentence) = &opened.images {
            return problem(ui, sentence);
        }
        let Some(listed) = &self.listed else {
            return hint(ui, "Choose a finding to see its images.");
        };
        if listed.samples.is_empty() {
            return hint(ui, "There is no image in this quadrant.");
        }
        let pages = listed.samples.len().div_ceil(PAGE);
        self.page = self.page.min(pages - 1);
        ui.horizontal(|ui| {
            if ui.add_enabled(self.page > 0, egui::Button::new("Previous page")).clicked() {
                self.page -= 1;
            }
            ui.label(format!("page {} of {pages}", self.page + 1));
            if ui.add_enabled(self.page + 1 < pages, egui::Button::new("Next page")).clicked() {
                self.page += 1;
            }
        });
        let shown: Vec<usize> = listed.samples.iter().skip(self.page * PAGE).take(PAGE).copied().collect();
        self.read(ui, opened, shown);
        if self.detail.as_mut().is_some_and(|detail| detail.ui(ui)) {
            self.detail = None;
        }
        if let Some(clicked) = self.page_ui(ui) {
            self.detail = Detail::of(ui.ctx(), opened, choice, clicked);
        }
    }

    /// Draws quadrants with their counts, and the order; finds the samples anew where anything changed.
    fn choose(&mut self, ui: &mut Ui, opened: &Arc<Opened>, choice: Choice) {
        ui.horizontal_wrapped(|ui| {
            for quadrant in Quadrant::ALL {
                let counts =
                    opened.comparison(choice).map(|comparison| comparison.counts).unwrap_or_default();
                let share = 100.0 * counts.share(quadrant).unwrap_or_default();
                let title = format!(
                    "{}: {} ({} %)",
                    quadrant.title(),
                    counts.quadrant(quadrant),
                    number::percent(share)
                );
                ui.selectable_value(&mut self.quadrant, quadrant, title);
            }
            let now =
                Order::ALL.iter().find(|(order, _)| *order == self.order).map_or("", |(_, title)| title);
            ComboBox::new("order of mistakes", "Order").selected_text(now).show_ui(ui, |ui| {
                for (order, title) in Order::ALL {
                    ui.selectable_value(&mut self.order, order, title);
                }
            });
        });
        let is_known = self.listed.as_ref().is_some_and(|listed| {
            Arc::ptr_eq(&listed.opened, opened)
                && (listed.choice, listed.quadrant, listed.order) == (choice, self.quadrant, self.order)
        });
        if !is_known {
            (self.page, self.detail) = (0, None);
            self.listed = samples(opened, choice, self.quadrant, self.order).map(|samples| Listed {
                opened: Arc::clone(opened),
                choice,
                quadrant: self.quadrant,
                order: self.order,
                samples,
            });
        }
    }

    /// Decodes the images of a page, unless they are there.
    fn read(&mut self, ui: &Ui, opened: &Arc<Opened>, shown: Vec<usize>) {
        self.thumbnails.poll();
        if self.asked == shown && self.listed.as_ref().is_some_and(|of| Arc::ptr_eq(&of.opened, opened)) {
            return;
        }
        self.asked.clone_from(&shown);
        let (opened, context) = (Arc::clone(opened), ui.ctx().clone());
        self.thumbnails.start(ui.ctx(), move || {
            let thumbnail = |sample: usize| {
                let id = opened.answers.first().ids.get(sample).cloned().unwrap_or_default();
                let square = opened
                    .images
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|images| images.square(&id).map_err(|error| error.to_string()));
                let picture = square.map(|square| Picture::exact(&context, "thumbnail", square));
                Thumbnail { sample, id, picture }
            };
            Ok(shown.into_iter().map(thumbnail).collect())
        });
    }

    /// Draws the page; returns the sample that was clicked.
    fn page_ui(&self, ui: &mut Ui) -> Option<usize> {
        let Some(thumbnails) = self.thumbnails.value() else {
            ui.spinner();
            return None;
        };
        let mut clicked = None;
        ui.horizontal_wrapped(|ui| {
            for Thumbnail { sample, id, picture } in thumbnails {
                let response = match picture {
                    Ok(picture) => picture.ui(ui, id, SIDE, Sense::click()).on_hover_text(id),
                    Err(sentence) => {
                        ui.add_sized([SIDE, SIDE], egui::Button::new("⚠")).on_hover_text(sentence)
                    }
                };
                if response.clicked() {
                    clicked = Some(*sample);
                }
            }
        });
        clicked
    }
}

#[cfg(test)]
impl Gallery {
    /// The samples of the quadrant, sorted.
    pub fn samples(&self) -> &[usize] {
        self.listed.as_ref().map_or(&[], |listed| &listed.samples)
    }

    /// Whether the page's images are there.
    pub fn is_there(&self) -> bool {
        self.thumbnails.value().is_some() && !self.thumbnails.is_pending()
    }
}

/// The samples of a quadrant, of one class if one is chosen; `None` where a finding must be chosen first.
pub fn samples(opened: &Opened, choice: Choice, quadrant: Quadrant, order: Order) -> Option<Vec<usize>> {
    let (two, question) = (opened.answers.pair(opened.pair(choice)?)?, opened.question(choice)?);
    let class = opened.class(choice);
    let is_in = |sample: &usize| class.is_none_or(|class| two.decision(question, *sample).0 == class);
    let mut samples: Vec<usize> = two.quadrant(question, quadrant).into_iter().filter(is_in).collect();
    if let Order::Surest(network) = order {
        samples.sort_by_cached_key(|sample| {
            // Probabilities are not negative, so their bits are in their order.
            std::cmp::Reverse(question.confidence(two.logits(network, *sample)).to_bits())
        });
    }
    Some(samples)
}
