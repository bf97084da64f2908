//! Charts as vector graphics for a paper.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref};
use resvg::tiny_skia::{Path, PathSegment, Point, Transform};
use resvg::usvg::{FillRule, Group, LineCap, LineJoin, LinearGradient, Node, Paint, Pattern, Stroke};

use super::png::tree;
use crate::error::{Error, Result};

/// Points of a page for a pixel of the figure: 72 and 96 to an inch.
const POINTS: f32 = 0.75;
/// Stripes that a gradient is drawn as.
const STRIPES: u16 = 128;

/// An SVG document as a PDF of one page. Texts are outlines. Equal documents give equal bytes.
///
/// # Errors
/// [`Error::Run`] if the document is none, or holds what figures have not, such as a picture.
pub fn pdf(svg: &str) -> Result<Vec<u8>> {
    let tree = tree(svg)?;
    let [width, height] = [tree.size().width(), tree.size().height()].map(|length| POINTS * length);
    let mut page = Page { content: Content::new(), opacities: BTreeSet::new() };
    // The origin of a PDF is at the bottom.
    page.content.transform([POINTS, 0.0, 0.0, -POINTS, 0.0, height]);
    page.group(tree.root())?;

    let content = page.content.finish();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&content).map_err(Error::run)?;
    let packed = packed.finish().map_err(Error::run)?;
    let [catalog, pages, only, stream] = [1, 2, 3, 4].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([only]).count(1);
    pdf.stream(stream, &packed).filter(Filter::FlateDecode);
    let mut written = pdf.page(only);
    written.parent(pages).media_box(Rect::new(0.0, 0.0, width, height)).contents(stream);
    let mut resources = written.resources();
    let mut states = resources.ext_g_states();
    for percent in &page.opacities {
        let opacity = f32::from(*percent) / 100.0;
        let mut state = states
            .insert(Name(opacity_name(*percent).as_bytes()))
            .start::<pdf_writer::writers::ExtGraphicsState>();
        state.stroking_alpha(opacity).non_stroking_alpha(opacity);
    }
    states.finish();
    resources.finish();
    written.finish();
    Ok(pdf.finish())
}

/// The page in the making.
struct Page {
    content: Content,
    /// In percent.
    opacities: BTreeSet<u8>,
}

impl Page {
    fn group(&mut self, group: &Group) -> Result<()> {
        self.content.save_state();
        self.transform(group.transform());
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group)?,
                Node::Text(text) => self.group(text.flattened())?,
                Node::Path(path) => {
                    if let Some(fill) = path.fill() {
                        self.fill(path.data(), fill.paint(), fill.opacity().get(), fill.rule())?;
                    }
                    if let Some(stroke) = path.stroke() {
                        self.stroke(path.data(), stroke)?;
                    }
                }
                Node::Image(_) => return Err(unfit("a picture")),
            }
        }
        self.content.restore_state();
        Ok(())
    }

    fn fill(&mut self, path: &Path, paint: &Paint, opacity: f32, rule: FillRule) -> Result<()> {
        self.content.save_state();
        self.opacity(opacity);
        self.outline(path);
        match paint {
            Paint::Color(colour) => {
                let [red, green, blue] = [colour.red, colour.green, colour.blue].map(share);
                self.content.set_fill_rgb(red, green, blue);
                match rule {
                    FillRule::NonZero => self.content.fill_nonzero(),
                    FillRule::EvenOdd => self.content.fill_even_odd(),
                };
            }
            Paint::Pattern(pattern) => {
                self.content.clip_nonzero().end_path();
                self.tiles(pattern, path)?;
            }
            Paint::LinearGradient(gradient) => {
                self.content.clip_nonzero().end_path();
                self.stripes(gradient);
            }
            Paint::RadialGradient(_) => return Err(unfit("a radial gradient")),
        }
        self.content.restore_state();
        Ok(())
    }

    /// The pattern as often as it fits into the bounds of a path.
    fn tiles(&mut self, pattern: &Pattern, path: &Path) -> Result<()> {
        let (tile, bounds) = (pattern.rect(), path.bounds());
        let starts = |first: f32, size: f32, low: f32, high: f32| {
            let [from, to] = [((low - first) / size).floor(), ((high - first) / size).ceil()];
            (from as i32..to as i32).map(move |number| number as f32 * size)
        };
        for down in starts(tile.y(), tile.height(), bounds.top(), bounds.bottom()) {
            for right in starts(tile.x(), tile.width(), bounds.left(), bounds.right()) {
                self.content.save_state();
                self.transform(Transform::from_translate(right, down));
                self.group(pattern.root())?;
                self.content.restore_state();
            }
        }
        Ok(())
    }

    /// A gradient as stripes of one colour each, over all that is not clipped away.
    fn stripes(&mut self, gradient: &LinearGradient) {
        const FAR: f32 = 1e4;
        self.transform(gradient.transform());
        let (right, down) = (gradient.x2() - gradient.x1(), gradient.y2() - gradient.y1());
        self.transform(Transform::from_row(right, down, -down, right, gradient.x1(), gradient.y1()));
        for stripe in 0..STRIPES {
            let [start, end] = [stripe, stripe + 1].map(|edge| f32::from(edge) / f32::from(STRIPES));
            let [red, green, blue] = colour_at(gradient, 0.5 * (start + end));
            let (first, last) =
                (if stripe == 0 { -FAR } else { start }, if stripe + 1 == STRIPES { FAR } else { end });
            self.content.set_fill_rgb(red, green, blue);
            self.content.rect(first, -FAR, last - first, 2.0 * FAR).fill_nonzero();
        }
    }

    fn stroke(&mut self, path: &Path, stroke: &Stroke) -> Result<()> {
        let Paint::Color(colour) = stroke.paint() else { return Err(unfit("a line of several colours")) };
        self.content.save_state();
        self.opacity(stroke.opacity().get());
        let [red, green, blue] = [colour.red, colour.green, colour.blue].map(share);
        self.content.set_stroke_rgb(red, green, blue);
        self.content.set_line_width(stroke.width().get());
        self.content.set_miter_limit(stroke.miterlimit().get());
        self.content.set_line_cap(match stroke.linecap() {
            LineCap::Butt => LineCapStyle::ButtCap,
            LineCap::Round => LineCapStyle::RoundCap,
            LineCap::Square => LineCapStyle::ProjectingSquareCap,
        });
        self.content.set_line_join(match stroke.linejoin() {
            LineJoin::Round => LineJoinStyle::RoundJoin,
            LineJoin::Bevel => LineJoinStyle::BevelJoin,
            LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
        });
        if let Some(dashes) = stroke.dasharray() {
            self.content.set_dash_pattern(dashes.iter().copied(), stroke.dashoffset());
        }
        self.outline(path);
        self.content.stroke();
        self.content.restore_state();
        Ok(())
    }

    fn outline(&mut self, path: &Path) {
        let mut at = Point::zero();
        for segment in path.segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    self.content.move_to(to.x, to.y);
                    at = to;
                }
                PathSegment::LineTo(to) => {
                    self.content.line_to(to.x, to.y);
                    at = to;
                }
                PathSegment::QuadTo(control, to) => {
                    // A cubic curve with the same shape.
                    let near = |end: Point| Point {
                        x: end.x + 2.0 / 3.0 * (control.x - end.x),
                        y: end.y + 2.0 / 3.0 * (control.y - end.y),
                    };
                    let (one, two) = (near(at), near(to));
                    self.content.cubic_to(one.x, one.y, two.x, two.y, to.x, to.y);
                    at = to;
                }
                PathSegment::CubicTo(one, two, to) => {
                    self.content.cubic_to(one.x, one.y, two.x, two.y, to.x, to.y);
                    at = to;
                }
                PathSegment::Close => {
                    self.content.close_path();
                }
            }
        }
    }

    fn transform(&mut self, transform: Transform) {
        if !transform.is_identity() {
            let Transform { sx, kx, ky, sy, tx, ty } = transform;
            self.content.transform([sx, ky, kx, sy, tx, ty]);
        }
    }

    fn opacity(&mut self, opacity: f32) {
        let percent = (100.0 * opacity).round() as u8;
        if percent < 100 {
            self.opacities.insert(percent);
            self.content.set_parameters(Name(opacity_name(percent).as_bytes()));
        }
    }
}

fn opacity_name(percent: u8) -> String {
    format!("opacity{percent}")
}

fn share(level: u8) -> f32 {
    f32::from(level) / 255.0
}

/// The colour at a place from 0 to 1, between those of the stops around it.
fn colour_at(gradient: &LinearGradient, place: f32) -> [f32; 3] {
    let stops = gradient.stops();
    let after = stops.iter().position(|stop| stop.offset().get() > place).unwrap_or(stops.len());
    let of = |index: usize| {
        let stop = &stops[index.min(stops.len() - 1)];
        let colour = stop.color();
        (stop.offset().get(), [colour.red, colour.green, colour.blue].map(share))
    };
    let ((start, one), (end, two)) = (of(after.saturating_sub(1)), of(after));
    let way = if end > start { (place - start) / (end - start) } else { 0.0 };
    [0, 1, 2].map(|channel| one[channel] + way * (two[channel] - one[channel]))
}

fn unfit(what: &str) -> Error {
    Error::run(format!("a figure with {what} cannot be written as PDF"))
}
