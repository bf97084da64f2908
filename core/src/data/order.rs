//! From an 8-bit crop to normalised planes, in order or shuffled, in one pass.

use super::shuffle::Shuffle;

/// Normalised value of each of the 256 levels, by channel.
pub(super) type Levels = [[f32; 256]; 3];

/// The order in which the pixels of a crop `[size, size, 3]` are read.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// As they are.
    Kept,
    /// Whole pixels move: the first of a run of neighbours, and their number.
    Runs(Vec<(usize, usize)>),
    /// Every value moves by itself.
    Values(Vec<Source>),
}

/// A byte of a crop: four times its place, plus its channel.
///
/// One number, since a shuffle reads as many of them as the image has values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source(u32);

impl Source {
    /// From an index into the flattened `[3, area]`.
    fn new(index: usize, area: usize) -> Self {
        let (channel, pixel) = (index / area, index % area);
        Self(((pixel * 3 + channel) << 2 | channel) as u32)
    }

    fn channel(self) -> usize {
        (self.0 & 3) as usize
    }

    fn place(self) -> usize {
        (self.0 >> 2) as usize
    }
}

impl Order {
    /// The order that a shuffle of images with `area` pixels asks for.
    pub fn new(shuffle: Option<&Shuffle>, area: usize) -> Self {
        let Some(sources) = shuffle.map(Shuffle::sources) else { return Self::Kept };
        let (first, others) = sources.split_at(area);
        let moves_alike = |(index, source): (usize, &u32)| {
            *source as usize == (index / area + 1) * area + first[index % area] as usize
        };
        if !others.iter().enumerate().all(moves_alike) {
            return Self::Values(sources.iter().map(|source| Source::new(*source as usize, area)).collect());
        }
        let runs = first.chunk_by(|a, b| a + 1 == *b);
        Self::Runs(runs.map(|run| (run[0] as usize, run.len())).collect())
    }

    /// Reads `[size, size, 3]` into `[3, size, size]`.
    pub fn read(&self, crop: &[u8], levels: &Levels, output: &mut [f32]) {
        match self {
            Self::Kept => normalize(crop, levels, output),
            Self::Runs(runs) => {
                let mut moved = Vec::with_capacity(crop.len());
                for (first, length) in runs {
                    moved.extend_from_slice(&crop[3 * first..3 * (first + length)]);
                }
                normalize(&moved, levels, output);
            }
            Self::Values(sources) => {
                for (value, source) in output.iter_mut().zip(sources) {
                    *value = levels[source.channel()][usize::from(crop[source.place()])];
                }
            }
        }
    }
}

fn normalize(crop: &[u8], levels: &Levels, output: &mut [f32]) {
    let area = output.len() / 3;
    let (red, rest) = output.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    let planes = red.iter_mut().zip(green).zip(blue);
    for (pixel, ((red, green), blue)) in crop.as_chunks::<3>().0.iter().zip(planes) {
        *red = levels[0][usize::from(pixel[0])];
        *green = levels[1][usize::from(pixel[1])];
        *blue = levels[2][usize::from(pixel[2])];
    }
}
