//! Strengths of a regression, as they are typed.

use std::fmt;
use std::str::FromStr;

use crate::analysis::settings::single;
use crate::logistic::{default_strengths, log_spaced};

/// Strengths C in the order in which they were named.
#[derive(Debug, Clone, PartialEq)]
pub struct Strengths(pub Vec<f64>);

single!(Strengths);

impl Default for Strengths {
    fn default() -> Self {
        Self(default_strengths())
    }
}

impl FromStr for Strengths {
    type Err = String;

    /// From `first:last:count`, spaced logarithmically, or numbers with commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text} is neither first:last:count, such as 1e-6:1e6:13, nor numbers with commas, all greater than 0"
            )
        };
        let number = |part: &str| {
            part.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0).ok_or_else(wrong)
        };
        let count =
            |part: &str| part.parse().ok().filter(|count| (1..=1000).contains(count)).ok_or_else(wrong);
        match text.split(':').collect::<Vec<_>>().as_slice() {
            [first, last, points] => Ok(Self(log_spaced(number(first)?, number(last)?, count(points)?))),
            [list] => list.split(',').map(number).collect::<Result<_, _>>().map(Self),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Strengths {
    /// As `first:last:count` if that gives the same numbers, else as numbers with commas.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let [first, .., last] = self.0[..]
            && self.0.len() > 2
            && log_spaced(first, last, self.0.len()) == self.0
        {
            return write!(f, "{first:e}:{last:e}:{}", self.0.len());
        }
        let numbers: Vec<String> = self.0.iter().map(f64::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_strengths() {
        for text in ["1e-6:1e6:13", "0.01:100:5", "1", "0.5,2", "1e-3,1,1000", "0.1:0.7:4"] {
            let strengths: Strengths = text.parse().unwrap();
            assert_eq!(
                strengths.to_string().parse::<Strengths>().unwrap(),
                strengths,
                "{text} as {strengths}"
            );
        }
        assert_eq!(Strengths::default().to_string(), "1e-6:1e6:13");
        assert_eq!("0.01:100:5".parse::<Strengths>().unwrap().0, [0.01, 0.1, 1.0, 10.0, 100.0]);
        for text in ["", "0", "-1", "1:2", "0:1:3", "1:inf:3", "1:2:0", "a"] {
            assert!(text.parse::<Strengths>().is_err(), "{text}");
        }
    }
}
