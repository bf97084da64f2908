//! From an 8-bit crop to normalized planes, in order or shuffled, in one pass.

use super::shuffle::Shuffle;

/// Normalised value of each of the 256 levels, by channel.
pub(super) type Levels = [[f32; 256]; 3];

/// Bytes of each of eight crops that are put side by side at a time.
const WOVEN: usize = 64;
/// Values of each of eight crops that are moved before they are normalized: as many as stay in a core's cache.
const STRETCH: usize = 8192;

/// The order in which the pixels of a crop `[size, size, 3]` are read.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// As they are.
    Kept,
    /// Whole pixels move: the first of a run of neighbours, and their number.
    Runs(Vec<(usize, usize)>),
    /// Every value moves by itself.
    Values(Vec<SourceByte>),
}

/// A byte of a crop: four times its place, plus its channel.
///
/// One number, since a shuffle reads as many of them as the image has values.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceByte(u32);

impl SourceByte {
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
            return Self::Values(
                sources.iter().map(|source| SourceByte::new(*source as usize, area)).collect(),
            );
        }
        let runs = first.chunk_by(|a, b| a + 1 == *b);
        Self::Runs(runs.map(|run| (run[0] as usize, run.len())).collect())
    }

    /// Reads crops `[size, size, 3]` into `[crops, 3, size, size]`.
    ///
    /// Values that move by themselves are read of eight crops at a time: what takes long is where each comes from, not what it is.
    pub fn read_all(&self, crops: &[&[u8]], levels: &Levels, output: &mut [f32]) {
        let (eights, rest): (&[[&[u8]; 8]], _) = match self {
            Self::Values(_) => crops.as_chunks(),
            Self::Kept | Self::Runs(_) => (&[], crops),
        };
        let length = output.len() / crops.len().max(1);
        let (first, last) = output.split_at_mut(eights.len() * 8 * length);
        if let Self::Values(sources) = self {
            let mut woven = vec![[0; 8]; length];
            for (crops, output) in eights.iter().zip(first.chunks_exact_mut(8 * length)) {
                read_eight(crops, sources, levels, &mut woven, output);
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

/// Reads eight crops whose values move by themselves into `[8, 3, size, size]`.
fn read_eight(
    crops: &[&[u8]; 8],
    sources: &[SourceByte],
    levels: &Levels,
    woven: &mut [[u8; 8]],
    output: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(
            crops: &[&[u8]; 8],
            sources: &[SourceByte],
            levels: &Levels,
            woven: &mut [[u8; 8]],
            output: &mut [f32],
        ) {
            read_eight_with(crops, sources, levels, woven, output);
        }

        if is_x86_feature_detected!("avx2") {
            // SAFETY: the machine has AVX2.
            return unsafe { avx2(crops, sources, levels, woven, output) };
        }
    }
    read_eight_with(crops, sources, levels, woven, output);
}

#[inline(always)]
fn read_eight_with(
    crops: &[&[u8]; 8],
    sources: &[SourceByte],
    levels: &Levels,
    woven: &mut [[u8; 8]],
    output: &mut [f32],
) {
    weave(crops, woven);
    // A fourth channel spares a comparison for each value.
    let levels = [levels[0], levels[1], levels[2], [0.0; 256]];
    let length = sources.len();
    let mut moved = [[0; 8]; STRETCH];
    for (stretch, sources) in sources.chunks(STRETCH).enumerate() {
        for (moved, source) in moved.iter_mut().zip(sources) {
            *moved = woven[source.place()];
        }
        let moved = moved.as_flattened().as_chunks::<4>().0.as_chunks::<2>().0;
        for (half, output) in output.chunks_exact_mut(4 * length).enumerate() {
            let mut planes = output.chunks_exact_mut(length).map(|plane| &mut plane[stretch * STRETCH..]);
            let [Some(a), Some(b), Some(c), Some(d)] = [(); 4].map(|()| planes.next()) else { continue };
            let places = sources.iter().zip(moved);
            for (((source, moved), (a, b)), (c, d)) in
                places.zip(a.iter_mut().zip(b)).zip(c.iter_mut().zip(d))
            {
                let levels = &levels[source.channel()];
                [*a, *b, *c, *d] = moved[half].map(|byte| levels[usize::from(byte)]);
            }
        }
    }
}

/// Puts the bytes of eight crops side by side.
#[inline(always)]
fn weave(crops: &[&[u8]; 8], woven: &mut [[u8; 8]]) {
    let (mut rows, mut riffled) = ([0; 8 * WOVEN], [0; 8 * WOVEN]);
    let (blocks, rest) = woven.as_chunks_mut::<WOVEN>();
    for (block, woven) in blocks.iter_mut().enumerate() {
        for (row, crop) in rows.as_chunks_mut::<WOVEN>().0.iter_mut().zip(crops) {
            row.copy_from_slice(&crop[WOVEN * block..][..WOVEN]);
        }
        riffle(&rows, &mut riffled);
        riffle(&riffled, &mut rows);
        riffle(&rows, woven.as_flattened_mut());
    }
    let first = WOVEN * blocks.len();
    for (at, woven) in rest.iter_mut().enumerate() {
        *woven = crops.map(|crop| crop[first + at]);
    }
}

/// Puts the second half in between the first, byte by byte. Three times over, that transposes eight rows.
#[inline(always)]
fn riffle(from: &[u8], to: &mut [u8]) {
    let (a, b) = from.split_at(from.len() / 2);
    for (pair, (a, b)) in to.as_chunks_mut::<2>().0.iter_mut().zip(a.iter().zip(b)) {
        *pair = [*a, *b];
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
