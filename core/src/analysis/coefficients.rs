//! Positions on a line or a path, and strengths of noise, as they are typed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::settings::{Kind, single};

/// Numbers in the order in which they were named.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients(pub Vec<f64>);

single!(Coefficients = Kind::Range);

/// `count` evenly spaced numbers from `first` to `last`, as NumPy's `linspace`.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    let at =
        |number: usize| if number + 1 == count && count > 1 { last } else { first + number as f64 * step };
    (0..count).map(at).collect()
}

impl Coefficients {
    /// Evenly spaced: see [`linspace`].
    pub fn even(first: f64, last: f64, count: usize) -> Self {
        Self(linspace(first, last, count))
    }
}

impl FromStr for Coefficients {
    type Err = String;

    /// From `first:last:count`, or numbers with commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is neither first:last:count, such as 0:1:50, nor numbers with commas");
        let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite()).ok_or_else(wrong);
        let count =
            |part: &str| part.parse().ok().filter(|count| (1..=100_000).contains(count)).ok_or_else(wrong);
        match text.split(':').collect::<Vec<_>>().as_slice() {
            [first, last, points] => Ok(Self::even(number(first)?, number(last)?, count(points)?)),
            [list] => list.split(',').map(number).collect::<Result<_, _>>().map(Self),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Coefficients {
    /// As `first:last:count` if that gives the same numbers, else as numbers with commas.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let [first, .., last] = self.0[..]
            && self.0.len() > 2
            && linspace(first, last, self.0.len()) == self.0
        {
            return write!(f, "{first}:{last}:{}", self.0.len());
        }
        let numbers: Vec<String> = self.0.iter().map(f64::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// Evenly spaced numbers as a study writes them: `(first: 0.0, last: 1.0, count: 13)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvenlySpaced {
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// How many.
    pub count: usize,
}

impl EvenlySpaced {
    /// The numbers.
    pub fn coefficients(self) -> Coefficients {
        Coefficients::even(self.first, self.last, self.count)
    }

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// A sentence for ends that are no numbers, or a count out of range.
    pub fn check(self) -> Result<(), String> {
        match self.first.is_finite() && self.last.is_finite() && (1..=100_000).contains(&self.count) {
            true => Ok(()),
            false => Err("coefficients must be a count from 1 to 100000 between two numbers".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_numpys() {
        assert_eq!(linspace(0.0, 1.0, 3), [0.0, 0.5, 1.0]);
        assert_eq!(linspace(0.25, 9.0, 1), [0.25]);
        // numpy.linspace(0, 1, 50)[[1, 29, 49]]
        let fifty = linspace(0.0, 1.0, 50);
        assert_eq!([fifty[1], fifty[29], fifty[49]], [0.02040816326530612, 0.5918367346938775, 1.0]);
    }

    #[test]
    fn what_is_written_is_read_as_the_same_numbers() {
        for text in ["0:1:50", "-0.5:1.5:81", "0.1:0.7:13", "0.5", "0,1", "0,0.25,1", "-1e-3,2.5"] {
            let numbers: Coefficients = text.parse().unwrap();
            assert_eq!(numbers.to_string().parse::<Coefficients>().unwrap(), numbers, "{text} as {numbers}");
        }
        assert_eq!("0:1:50".parse::<Coefficients>().unwrap().to_string(), "0:1:50");
        for text in ["", "0:1", "0:1:0", "0:1:x", "a,b", "nan", "0:inf:3"] {
            assert!(text.parse::<Coefficients>().is_err(), "{text}");
        }
    }
}
