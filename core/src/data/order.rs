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

    /// Reads crops `[size, size, 3]` into `[crops, 3, size, size]`.
    ///
    /// Values that move by themselves are read of four crops at a time: what takes long is where each comes from, not what it is.
    pub fn read_all(&self, crops: &[&[u8]], levels: &Levels, output: &mut [f32]) {
        let (fours, rest): (&[[&[u8]; 4]], _) = match self {
            Self::Values(_) => crops.as_chunks(),
            Self::Kept | Self::Runs(_) => (&[], crops),
        };
        let length = output.len() / crops.len().max(1);
        let (first, last) = output.split_at_mut(fours.len() * 4 * length);
        if let Self::Values(sources) = self {
            for (crops, output) in fours.iter().zip(first.chunks_exact_mut(4 * length)) {
                read_four(crops, sources, levels, output);
            }
        }
        for (crop, output) in rest.iter().zip(last.chunks_exact_mut(length.max(1))) {
            self.read(crop, levels, output);
        }
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

/// Reads four crops, whose bytes are put side by side before.
fn read_four([a, b, c, d]: &[&[u8]; 4], sources: &[Source], levels: &Levels, output: &mut [f32]) {
    let bytes = a.iter().zip(*b).zip(c.iter().zip(*d));
    let woven: Vec<u32> = bytes.map(|((a, b), (c, d))| u32::from_le_bytes([*a, *b, *c, *d])).collect();
    let (first, last) = output.split_at_mut(2 * sources.len());
    let (a, b) = first.split_at_mut(sources.len());
    let (c, d) = last.split_at_mut(sources.len());
    for ((source, (a, b)), (c, d)) in sources.iter().zip(a.iter_mut().zip(b)).zip(c.iter_mut().zip(d)) {
        let levels = &levels[source.channel()];
        let bytes = woven[source.place()].to_le_bytes();
        [*a, *b, *c, *d] = bytes.map(|byte| levels[usize::from(byte)]);
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
