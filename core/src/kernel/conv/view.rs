//! Which source pixels each target pixel reads: one description for the forward pass and both gradients.

use super::geometry::Geometry;

/// One position of the kernel.
pub struct Tap {
    /// Source row and column at the first target pixel.
    pub shift: [isize; 2],
    /// Index of the kernel position, row-major.
    pub position: usize,
}

/// A regular set of target pixels. The target at step `q` of an axis is `first + q * every` and reads, for each tap,
/// the source at `shift + q * advance`.
pub struct View {
    /// Images.
    pub batch: usize,
    /// Height and width of a source image.
    pub source: [usize; 2],
    /// Floats between two neighbouring source pixels.
    pub pixel: usize,
    /// Floats read at a source pixel.
    pub depth: usize,
    /// Kernel positions that reach at least one source pixel.
    pub taps: Vec<Tap>,
    /// Source pixels between two steps.
    pub advance: usize,
    /// Steps in each axis.
    pub count: [usize; 2],
    /// Height and width of a target image.
    pub target: [usize; 2],
    /// First target row and column.
    pub first: [usize; 2],
    /// Target pixels between two steps.
    pub every: usize,
}

impl View {
    /// Output pixels reading input pixels.
    pub fn forward(g: &Geometry) -> Self {
        let [_, height, width, _] = g.out_shape();
        let shift = |k: usize| k as isize - g.padding as isize;
        let taps = positions(g.kernel, |ky, kx| Some([shift(ky), shift(kx)]));
        Self {
            batch: g.batch,
            source: [g.height, g.width],
            pixel: g.in_channels,
            depth: g.in_channels,
            taps,
            advance: g.stride,
            count: [height, width],
            target: [height, width],
            first: [0, 0],
            every: 1,
        }
        .without_idle_taps()
    }

    /// The forward view of images that were padded beforehand (see [`pad`]): a kernel row is one tap.
    pub fn forward_by_rows(g: &Geometry) -> Self {
        let [_, height, width, _] = g.out_shape();
        let taps = (0..g.kernel).map(|ky| Tap { shift: [ky as isize, 0], position: ky }).collect();
        Self {
            batch: g.batch,
            source: [g.height + 2 * g.padding, g.width + 2 * g.padding],
            pixel: g.in_channels,
            depth: g.kernel * g.in_channels,
            taps,
            advance: g.stride,
            count: [height, width],
            target: [height, width],
            first: [0, 0],
            every: 1,
        }
    }

    /// Input pixels reading the gradient at output pixels: `stride * stride` views, one for each remainder of the
    /// input position, since only every `stride`-th kernel position meets it.
    pub fn backward(g: &Geometry) -> Vec<Self> {
        let [_, height, width, _] = g.out_shape();
        positions(g.stride, |y, x| Some([y as isize, x as isize]))
            .iter()
            .filter(|class| class.shift[0] < g.height as isize && class.shift[1] < g.width as isize)
            .map(|class| {
                let first = class.shift.map(|v| v as usize);
                let shift = |start: usize, k: usize| {
                    let distance = (start + g.padding) as isize - k as isize;
                    (distance.rem_euclid(g.stride as isize) == 0)
                        .then(|| distance.div_euclid(g.stride as isize))
                };
                Self {
                    batch: g.batch,
                    source: [height, width],
                    pixel: g.out_channels,
                    depth: g.out_channels,
                    taps: positions(g.kernel, |ky, kx| Some([shift(first[0], ky)?, shift(first[1], kx)?])),
                    advance: 1,
                    count: [
                        (g.height - first[0]).div_ceil(g.stride),
                        (g.width - first[1]).div_ceil(g.stride),
                    ],
                    target: [g.height, g.width],
                    first,
                    every: g.stride,
                }
                .without_idle_taps()
            })
            .collect()
    }

    /// Target pixels of all images.
    pub fn len(&self) -> usize {
        self.batch * self.count[0] * self.count[1]
    }

    /// Image, row step and column step of the target pixels from `first` on.
    pub fn steps(&self, first: usize) -> impl Iterator<Item = [usize; 3]> {
        let [rows, columns] = self.count;
        let start = [first / (rows * columns), first / columns % rows, first % columns];
        std::iter::successors(Some(start), move |&[image, y, x]| {
            Some(match (y + 1 < rows, x + 1 < columns) {
                (_, true) => [image, y, x + 1],
                (true, false) => [image, y + 1, 0],
                (false, false) => [image + 1, 0, 0],
            })
        })
    }

    /// Index of the target pixel among all pixels of all target images.
    pub fn target_index(&self, [image, y, x]: [usize; 3]) -> usize {
        let row = self.first[0] + y * self.every;
        let column = self.first[1] + x * self.every;
        (image * self.target[0] + row) * self.target[1] + column
    }

    /// Where the floats that a tap reads start in the source; `None` in the padding.
    pub fn source_start(&self, [image, y, x]: [usize; 3], tap: &Tap) -> Option<usize> {
        let row = inside(tap.shift[0] + (y * self.advance) as isize, self.source[0])?;
        let column = inside(tap.shift[1] + (x * self.advance) as isize, self.source[1])?;
        Some(((image * self.source[0] + row) * self.source[1] + column) * self.pixel)
    }

    /// Drops taps that read nothing but padding, as eight of nine do on a 1 x 1 image.
    fn without_idle_taps(mut self) -> Self {
        let reaches = |axis: usize, tap: &Tap| {
            (0..self.count[axis])
                .any(|q| inside(tap.shift[axis] + (q * self.advance) as isize, self.source[axis]).is_some())
        };
        let useful: Vec<bool> = self.taps.iter().map(|tap| reaches(0, tap) && reaches(1, tap)).collect();
        let mut useful = useful.into_iter();
        self.taps.retain(|_| useful.next().unwrap_or(false));
        self
    }
}

fn inside(position: isize, length: usize) -> Option<usize> {
    usize::try_from(position).ok().filter(|p| *p < length)
}

fn positions(side: usize, shift: impl Fn(usize, usize) -> Option<[isize; 2]>) -> Vec<Tap> {
    (0..side * side)
        .filter_map(|position| shift(position / side, position % side).map(|shift| Tap { shift, position }))
        .collect()
}

/// Copies images into a frame of `value`: `[batch, height + 2 p, width + 2 p, channels]`.
pub fn pad(images: &[f32], g: &Geometry, value: f32) -> Vec<f32> {
    let (row, margin) = (g.width * g.in_channels, g.padding * g.in_channels);
    let mut padded = Vec::with_capacity(g.batch * (g.height + 2 * g.padding) * (row + 2 * margin));
    for image in images.chunks_exact(g.height * row) {
        let frame = |padded: &mut Vec<f32>, floats: usize| padded.resize(padded.len() + floats, value);
        frame(&mut padded, g.padding * (row + 2 * margin));
        for pixels in image.chunks_exact(row) {
            frame(&mut padded, margin);
            padded.extend_from_slice(pixels);
            frame(&mut padded, margin);
        }
        frame(&mut padded, g.padding * (row + 2 * margin));
    }
    padded
}
