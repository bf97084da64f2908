//! Ranges of values.

use std::fmt::Display;

use crate::error::{Error, Result};

/// Largest count of anything; more is a slip of the finger, and would only exhaust the memory.
const LARGEST: usize = 10_000_000;

/// Checks the settings below one path, such as `train`: each method takes the name of a setting there and its value.
///
/// # Errors
/// Each method gives [`Error::Usage`] with the setting's path, its value, and what it must be.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a>(pub &'a str);

impl Section<'_> {
    /// Anything that can be said in words: `<path> is <value>; it must be <range>`.
    pub fn require(self, holds: bool, name: &str, value: impl Display, range: &str) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(Error::usage(format!("{}.{name} is {value}; it must be {range}", self.0)))
    }

    /// A count of at least one.
    pub fn count(self, name: &str, value: usize) -> Result<()> {
        self.require((1..=LARGEST).contains(&value), name, value, &format!("from 1 to {LARGEST}"))
    }

    /// A count that may be zero.
    pub fn count_or_zero(self, name: &str, value: usize) -> Result<()> {
        self.require(value <= LARGEST, name, value, &format!("from 0 to {LARGEST}"))
    }

    /// A number of epochs, which may be more than are trained.
    pub fn epochs(self, name: &str, value: usize) -> Result<()> {
        self.require(value > 0, name, value, "at least 1")
    }

    /// A finite number above zero.
    pub fn above_zero(self, name: &str, value: f64) -> Result<()> {
        self.require(value > 0.0 && value.is_finite(), name, value, "above 0")
    }

    /// A finite number that may be zero.
    pub fn not_negative(self, name: &str, value: f64) -> Result<()> {
        self.require(value >= 0.0 && value.is_finite(), name, value, "0 or more")
    }

    /// A factor that makes things smaller, such as a momentum.
    pub fn below_one(self, name: &str, value: f64) -> Result<()> {
        self.require((0.0..1.0).contains(&value), name, value, "from 0 to below 1")
    }
}
