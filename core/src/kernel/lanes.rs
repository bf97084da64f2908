//! Vectors of sixteen floats (SIMD), for each set of vector instructions.

use std::ops::{Add, Mul, Sub};

use super::slice::at_least;

/// Floats in a vector.
pub const LANES: usize = 16;

/// A vector as it lies in memory, on a cache line of its own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct CacheLine(pub [f32; LANES]);

/// A vector of sixteen floats. A value comes from [`Lanes::load`] or from another value, which shows that the machine has the
/// instructions that it needs.
pub trait Lanes: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<f32, Output = Self> {
    /// From memory.
    ///
    /// # Safety
    /// The machine has the instructions.
    unsafe fn load(floats: &[f32; LANES]) -> Self;

    /// Into memory.
    fn store(self, floats: &mut [f32; LANES]);

    /// `self * factor + other`, rounded once where the machine can.
    fn times_plus(self, factor: f32, other: Self) -> Self;

    /// The larger of each float and zero; NaN for NaN.
    fn relu(self) -> Self;
}

/// One register of AVX-512.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx512Lanes(std::arch::x86_64::__m512);

/// Two registers of AVX2.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx2Lanes([std::arch::x86_64::__m256; 2]);

/// An array, for which the compiler chooses the instructions.
#[derive(Clone, Copy)]
pub struct PortableLanes([f32; LANES]);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::*;

    impl Lanes for Avx512Lanes {
        #[inline(always)]
        unsafe fn load(floats: &[f32; LANES]) -> Self {
            // SAFETY: the caller promises the instructions; there are 16 floats.
            Self(unsafe { _mm512_loadu_ps(floats.as_ptr()) })
        }

        #[inline(always)]
        fn store(self, floats: &mut [f32; LANES]) {
            // SAFETY: the value shows that the machine has the instructions; there are 16 floats.
            unsafe { _mm512_storeu_ps(floats.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        fn times_plus(self, factor: f32, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            Self(unsafe { _mm512_fmadd_ps(self.0, _mm512_set1_ps(factor), other.0) })
        }

        #[inline(always)]
        fn relu(self) -> Self {
            // The second of two that cannot be compared is the result.
            // SAFETY: the value shows that the machine has the instructions.
            Self(unsafe { _mm512_max_ps(_mm512_setzero_ps(), self.0) })
        }
    }

    impl Add for Avx512Lanes {
        type Output = Self;

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            Self(unsafe { _mm512_add_ps(self.0, other.0) })
        }
    }

    impl Sub for Avx512Lanes {
        type Output = Self;

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            Self(unsafe { _mm512_sub_ps(self.0, other.0) })
        }
    }

    impl Mul<f32> for Avx512Lanes {
        type Output = Self;

        #[inline(always)]
        fn mul(self, factor: f32) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            Self(unsafe { _mm512_mul_ps(self.0, _mm512_set1_ps(factor)) })
        }
    }

    impl Lanes for Avx2Lanes {
        #[inline(always)]
        unsafe fn load(floats: &[f32; LANES]) -> Self {
            // SAFETY: the caller promises the instructions; there are 16 floats.
            unsafe { Self([_mm256_loadu_ps(floats.as_ptr()), _mm256_loadu_ps(floats.as_ptr().add(8))]) }
        }

        #[inline(always)]
        fn store(self, floats: &mut [f32; LANES]) {
            // SAFETY: the value shows that the machine has the instructions; there are 16 floats.
            unsafe {
                _mm256_storeu_ps(floats.as_mut_ptr(), self.0[0]);
                _mm256_storeu_ps(floats.as_mut_ptr().add(8), self.0[1]);
            }
        }

        #[inline(always)]
        fn times_plus(self, factor: f32, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            unsafe {
                let factor = _mm256_set1_ps(factor);
                Self([
                    _mm256_fmadd_ps(self.0[0], factor, other.0[0]),
                    _mm256_fmadd_ps(self.0[1], factor, other.0[1]),
                ])
            }
        }

        #[inline(always)]
        fn relu(self) -> Self {
            // The second of two that cannot be compared is the result.
            // SAFETY: the value shows that the machine has the instructions.
            unsafe {
                let zero = _mm256_setzero_ps();
                Self([_mm256_max_ps(zero, self.0[0]), _mm256_max_ps(zero, self.0[1])])
            }
        }
    }

    impl Add for Avx2Lanes {
        type Output = Self;

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            unsafe { Self([_mm256_add_ps(self.0[0], other.0[0]), _mm256_add_ps(self.0[1], other.0[1])]) }
        }
    }

    impl Sub for Avx2Lanes {
        type Output = Self;

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            unsafe { Self([_mm256_sub_ps(self.0[0], other.0[0]), _mm256_sub_ps(self.0[1], other.0[1])]) }
        }
    }

    impl Mul<f32> for Avx2Lanes {
        type Output = Self;

        #[inline(always)]
        fn mul(self, factor: f32) -> Self {
            // SAFETY: the value shows that the machine has the instructions.
            unsafe {
                let factor = _mm256_set1_ps(factor);
                Self([_mm256_mul_ps(self.0[0], factor), _mm256_mul_ps(self.0[1], factor)])
            }
        }
    }
}

impl Lanes for PortableLanes {
    #[inline(always)]
    unsafe fn load(floats: &[f32; LANES]) -> Self {
        Self(*floats)
    }

    #[inline(always)]
    fn store(self, floats: &mut [f32; LANES]) {
        *floats = self.0;
    }

    #[inline(always)]
    fn times_plus(self, factor: f32, other: Self) -> Self {
        self * factor + other
    }

    #[inline(always)]
    fn relu(self) -> Self {
        Self(self.0.map(|value| at_least(0.0, value)))
    }
}

impl Add for PortableLanes {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(value, other)| *value += other);
        self
    }
}

impl Sub for PortableLanes {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(value, other)| *value -= other);
        self
    }
}

impl Mul<f32> for PortableLanes {
    type Output = Self;

    #[inline(always)]
    fn mul(mut self, factor: f32) -> Self {
        self.0.iter_mut().for_each(|value| *value *= factor);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All variants that this machine has agree.
    #[test]
    fn variants_agree() {
        fn compute<L: Lanes>() -> [f32; LANES] {
            // SAFETY: asked for below.
            let unknown = unsafe { L::load(&[f32::NAN; LANES]) };
            let mut result = [0.0; LANES];
            unknown.relu().store(&mut result);
            assert!(result.iter().all(|value| value.is_nan()), "{result:?}");
            let numbers = |factor: i32| std::array::from_fn(|lane| (factor * lane as i32 - 9) as f32);
            // SAFETY: asked for below.
            let (a, b) = unsafe { (L::load(&numbers(2)), L::load(&numbers(-3))) };
            ((a + b) * 0.5 - a.times_plus(4.0, b)).relu().store(&mut result);
            result
        }
        let expected: [f32; LANES] = std::array::from_fn(|lane| {
            let (a, b) = (2.0 * lane as f32 - 9.0, -3.0 * lane as f32 - 9.0);
            ((a + b) * 0.5 - (4.0 * a + b)).max(0.0)
        });
        assert!(expected.contains(&0.0) && expected.iter().any(|value| *value > 0.0));
        assert_eq!(compute::<PortableLanes>(), expected);
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f")]
            fn whole() -> [f32; LANES] {
                compute::<Avx512Lanes>()
            }
            #[target_feature(enable = "avx2,fma")]
            fn halves() -> [f32; LANES] {
                compute::<Avx2Lanes>()
            }
            if is_x86_feature_detected!("avx512f") {
                // SAFETY: the machine has AVX-512.
                assert_eq!(unsafe { whole() }, expected);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                // SAFETY: the machine has AVX2 and FMA.
                assert_eq!(unsafe { halves() }, expected);
            }
        }
    }
}
