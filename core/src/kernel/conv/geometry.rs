//! Shapes of one convolution over channels-last images.

/// A square convolution of `[batch, height, width, in_channels]` with weights
/// `[kernel, kernel, in_channels, out_channels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Channels of an input pixel.
    pub in_channels: usize,
    /// Channels of an output pixel.
    pub out_channels: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Distance between neighbouring windows.
    pub stride: usize,
    /// Rows and columns of zeros around an image.
    pub padding: usize,
}

impl Geometry {
    /// `[batch, height, width, channels]` of the output.
    pub fn out_shape(&self) -> [usize; 4] {
        let side = |length: usize| (length + 2 * self.padding - self.kernel) / self.stride + 1;
        [self.batch, side(self.height), side(self.width), self.out_channels]
    }

    /// Pixels of all input images.
    pub fn in_pixels(&self) -> usize {
        self.batch * self.height * self.width
    }

    /// Pixels of all output images.
    pub fn out_pixels(&self) -> usize {
        self.out_shape()[..3].iter().product()
    }

    /// Whether pixels have so few channels that whole rows of a window are better read at once (in a ResNet's stem, 7 x 3 floats).
    pub fn is_narrow(&self) -> bool {
        self.kernel > 1 && self.in_channels < 16
    }
}
