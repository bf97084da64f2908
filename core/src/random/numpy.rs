//! NumPy's legacy `RandomState`, bit for bit: the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) and the
//! distributions that the reference draws through it.

/// Words of state.
const WORDS: usize = 624;
/// Distance of the recurrence.
const SHIFT: usize = 397;

/// A generator that yields what `numpy.random.RandomState(seed)` yields.
#[derive(Debug, Clone)]
pub struct RandomState {
    state: [u32; WORDS],
    next: usize,
    /// The second of two normal draws that were made together.
    spare_normal: Option<f64>,
}

impl RandomState {
    /// Seeds as `RandomState(seed)` does.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let previous = state[i - 1];
            state[i] = (previous ^ (previous >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, next: WORDS, spare_normal: None }
    }

    /// The next 32 bits.
    fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % WORDS] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// Uniform in `[0, 1)` with 53 bits.
    pub fn random_sample(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `randint(low, high)` of the default integer type: uniform in `low..high`.
    ///
    /// # Panics
    /// If the range is empty.
    pub fn randint(&mut self, low: i64, high: i64) -> i64 {
        assert!(low < high, "randint: {low}..{high} is empty");
        low.wrapping_add(self.up_to(high.wrapping_sub(low) as u64 - 1) as i64)
    }

    /// Uniform in `0..=max`: bits under the smallest mask that covers `max`, until they are not above it.
    fn up_to(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        loop {
            let bits = if max <= u64::from(u32::MAX) {
                u64::from(self.next_u32())
            } else {
                u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
            };
            if bits & mask <= max {
                return bits & mask;
            }
        }
    }

    /// Shuffles in place, as `shuffle` does a list and `permutation` the lines of a file.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.up_to(i as u64) as usize);
        }
    }

    /// `permutation(length)`: a random order of `0..length`.
    pub fn permutation(&mut self, length: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        self.shuffle(&mut order);
        order
    }

    /// `choice(length, size, replace=False)`.
    ///
    /// # Panics
    /// If `size` is larger than `length`.
    pub fn choice(&mut self, length: usize, size: usize) -> Vec<usize> {
        assert!(size <= length, "choice: {size} of {length} without replacement");
        let mut order = self.permutation(length);
        order.truncate(size);
        order
    }

    /// `beta(a, b)`: Jöhnk's method where both are at most 1, a ratio of gamma draws otherwise.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        if a > 1.0 || b > 1.0 {
            let (x, y) = (self.standard_gamma(a), self.standard_gamma(b));
            return x / (x + y);
        }
        loop {
            let (u, v) = (self.random_sample(), self.random_sample());
            let (x, y) = (u.powf(1.0 / a), v.powf(1.0 / b));
            if x + y > 1.0 || u + v == 0.0 {
                continue;
            }
            if x + y > 0.0 {
                return x / (x + y);
            }
            let (log_x, log_y) = (u.ln() / a, v.ln() / b);
            let largest = log_x.max(log_y);
            let (log_x, log_y) = (log_x - largest, log_y - largest);
            return (log_x - (log_x.exp() + log_y.exp()).ln()).exp();
        }
    }

    /// Marsaglia and Tsang's method for shapes above 1, rejection from two pieces below.
    fn standard_gamma(&mut self, shape: f64) -> f64 {
        if shape == 1.0 {
            return self.standard_exponential();
        }
        if shape < 1.0 {
            loop {
                let (u, v) = (self.random_sample(), self.standard_exponential());
                if u <= 1.0 - shape {
                    let x = u.powf(1.0 / shape);
                    if x <= v {
                        return x;
                    }
                } else {
                    let y = -((1.0 - u) / shape).ln();
                    let x = (1.0 - shape + shape * y).powf(1.0 / shape);
                    if x <= v + y {
                        return x;
                    }
                }
            }
        }
        let b = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * b).sqrt();
        loop {
            let x = self.standard_normal();
            let v = 1.0 + c * x;
            if v <= 0.0 {
                continue;
            }
            let v = v * v * v;
            let u = self.random_sample();
            if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + b * (1.0 - v + v.ln()) {
                return b * v;
            }
        }
    }

    fn standard_exponential(&mut self) -> f64 {
        -(1.0 - self.random_sample()).ln()
    }

    /// Marsaglia's polar method, two draws at a time.
    fn standard_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.random_sample() - 1.0;
            let y = 2.0 * self.random_sample() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare_normal = Some(factor * x);
                return factor * y;
            }
        }
    }
}
