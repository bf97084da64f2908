//! The settings of RandAugment, in the form that timm's `--aa` has.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// RandAugment (Cubuk et al. 2020) as timm draws it: some operations for each training image, each applied with a probability, and
/// as strong as a magnitude says.
///
/// Written as in timm, `rand-m9-n2-mstd0.5-inc1`: `m` the magnitude of at most 10, `n` operations, `p` their probability, `mstd` the
/// magnitude's standard deviation (above 100: uniform from 0 to the magnitude), `mmax` the largest magnitude, and `inc1` for the set
/// whose operations all grow stronger with the magnitude.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RandAugment {
    text: String,
    /// The magnitude, or its mean.
    pub magnitude: f64,
    /// The magnitude's standard deviation; infinite for a uniform one from 0.
    pub deviation: f64,
    /// The largest magnitude.
    pub largest: f64,
    /// Operations for each image.
    pub count: usize,
    /// Probability with which each is applied.
    pub probability: f64,
    /// Whether all grow stronger with the magnitude.
    pub is_increasing: bool,
}

/// Operations that one image may have.
const MOST: usize = 100;

impl FromStr for RandAugment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| {
            format!(
                "{part:?} in {text:?} is no setting of RandAugment; write it as timm does: rand-m9-n2-p0.5-mstd0.5-mmax10-inc1"
            )
        };
        let mut parts = text.split('-');
        if parts.next() != Some("rand") {
            return Err(wrong(text));
        }
        let mut this = Self {
            text: text.to_owned(),
            magnitude: 10.0,
            deviation: 0.0,
            largest: 10.0,
            count: 2,
            probability: 0.5,
            is_increasing: false,
        };
        for part in parts {
            if part.starts_with('t') {
                return Err(format!(
                    "the set of operations {part:?} in {text:?} is not there; without it there are the fifteen of the paper"
                ));
            }
            let (name, number) = part.split_at(part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len()));
            let real = || number.parse::<f64>().map_err(|_| wrong(part));
            let whole = || number.parse::<u16>().map_err(|_| wrong(part));
            match name {
                "m" => this.magnitude = whole()?.into(),
                "mstd" => this.deviation = real().map(|std| if std > 100.0 { f64::INFINITY } else { std })?,
                // As in Python, where 0 stands for nothing said.
                "mmax" => this.largest = Some(whole()?).filter(|&most| most > 0).unwrap_or(10).into(),
                "n" => this.count = whole()?.into(),
                "p" => this.probability = real()?,
                "inc" => this.is_increasing = whole()? > 0,
                _ => return Err(wrong(part)),
            }
        }
        match this.count <= MOST && this.probability <= 1.0 {
            true => Ok(this),
            false => {
                Err(format!("{text:?} must have at most {MOST} operations and a probability of at most 1"))
            }
        }
    }
}

impl TryFrom<String> for RandAugment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<RandAugment> for String {
    fn from(settings: RandAugment) -> Self {
        settings.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timms_words_are_read_and_others_told() {
        let read = |text: &str| text.parse::<RandAugment>();
        let usual = read("rand").unwrap();
        assert_eq!((usual.magnitude, usual.deviation, usual.count, usual.probability), (10.0, 0.0, 2, 0.5));
        let all = read("rand-m9-n3-p0.7-mstd0.5-mmax15-inc1").unwrap();
        assert_eq!((all.magnitude, all.deviation, all.largest), (9.0, 0.5, 15.0));
        assert_eq!((all.count, all.probability, all.is_increasing), (3, 0.7, true));
        assert_eq!(read("rand-mstd101").unwrap().deviation, f64::INFINITY);
        assert_eq!(String::from(all), "rand-m9-n3-p0.7-mstd0.5-mmax15-inc1");
        for (text, part) in
            [("augmix-m3", "augmix"), ("rand-m9.5", "m9.5"), ("rand-x3", "x3"), ("rand-m", "\"m\"")]
        {
            let message = read(text).unwrap_err();
            assert!(message.contains(part) && message.contains("rand-m9-n2"), "{message}");
        }
        assert!(read("rand-m9-tweights").unwrap_err().contains("tweights"));
        assert!(read("rand-p2").unwrap_err().contains("at most 1"));
    }
}
