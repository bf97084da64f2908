//! A counter-based generator: every draw is a function of (seed, purpose, epoch, sample) and its number alone, so no
//! result depends on the order in which samples are prepared, or on how often a run was resumed.
//!
//! Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

/// What a stream is for. The numbers are part of every result and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; the sample is the parameter's index.
    Init = 1,
    /// Order of an epoch.
    Order = 2,
    /// Crops and flips; the sample is its index.
    Augment = 3,
    /// Mixup's coefficient and partners; the sample is the step.
    Mixup = 4,
    /// Drawn images; the sample is the image.
    Draw = 5,
    /// Noise on weights; the epoch is the draw, the sample the parameter and the part of it.
    Noise = 7,
    /// Which samples a resample of the bootstrap takes, and how often; the sample is the resample.
    Bootstrap = 8,
    /// Steps away from a segment; the epoch is the draw, the sample is 0 for a step's length and 1 + a parameter's index for
    /// its noise.
    Basin = 9,
    /// What random erasing erases; the sample is its index.
    Erase = 10,
}

/// One stream of draws.
#[derive(Debug, Clone)]
pub struct Keyed {
    key: [u32; 2],
    /// Block number, then what tells streams of one key apart.
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
    spare_normal: Option<f64>,
}

impl Keyed {
    /// The stream of (seed, purpose, epoch, sample). Epochs below 2^24 and samples below 2^40 have streams of their own.
    pub fn new(seed: u64, purpose: Purpose, epoch: u64, sample: u64) -> Self {
        let stream = [sample as u32, (sample >> 32) as u32 & 0xff | (epoch as u32) << 8, purpose as u32];
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, stream[0], stream[1], stream[2]],
            block: [0; 4],
            used: 4,
            spare_normal: None,
        }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            if self.counter[0] == 0 {
                // A stream longer than 2^34 draws goes on in the unused upper part of the purpose.
                self.counter[3] = self.counter[3].wrapping_add(1 << 8);
            }
            self.used = 0;
        }
        self.used += 1;
        self.block[self.used - 1]
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
    }

    /// Uniform in `[0, 1)` with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in `0..bound`, without bias (Lemire 2019).
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "below: nothing is below zero");
        let bound = bound as u64;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as usize;
            }
        }
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        self.spare_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// A random order of `0..length` (Fisher and Yates).
    pub fn permutation(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        for i in (1..length).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// Ten rounds of Philox4x32.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = 0xd251_1f53 * u64::from(counter[0]);
        let second = 0xcd9e_8d57 * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with the paper's Random123 library.
    #[test]
    fn philox_gives_the_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
    }

    #[test]
    fn streams_differ_in_every_part_of_their_key() {
        let first = |mut stream: Keyed| stream.next_u64();
        let streams = [
            Keyed::new(0, Purpose::Order, 0, 0),
            Keyed::new(1, Purpose::Order, 0, 0),
            Keyed::new(1 << 32, Purpose::Order, 0, 0),
            Keyed::new(0, Purpose::Augment, 0, 0),
            Keyed::new(0, Purpose::Order, 1, 0),
            Keyed::new(0, Purpose::Order, 0, 1),
            Keyed::new(0, Purpose::Order, 0, 1 << 32),
        ];
        let draws: std::collections::HashSet<u64> = streams.map(first).into_iter().collect();
        assert_eq!(draws.len(), 7);
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut random = Keyed::new(3, Purpose::Draw, 0, 0);
        let count = 100_000;
        let normals: Vec<f64> = (0..count).map(|_| random.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(count);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let mut counts = [0; 7];
        (0..count).for_each(|_| counts[random.below(7)] += 1);
        assert!(counts.iter().all(|c| (*c as f64 / f64::from(count) - 1.0 / 7.0).abs() < 0.01), "{counts:?}");
        let mut order = random.permutation(50);
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
