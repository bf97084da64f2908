//! Values that families compute: `0.1 * 32 / 256`.

/// The value of sums, products and quotients of numbers, with parentheses; `None` for any other text.
pub(super) fn evaluate(text: &str) -> Option<f64> {
    let mut reading = Reading { rest: text.trim(), depth: 0 };
    let value = reading.sum()?;
    (reading.rest.is_empty() && value.is_finite()).then_some(value)
}

struct Reading<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reading<'_> {
    fn take(&mut self, operator: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(operator) else { return false };
        self.rest = rest.trim_start();
        true
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor()?;
        loop {
            if self.take('*') {
                value *= self.factor()?;
            } else if self.take('/') {
                value /= self.factor()?;
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self) -> Option<f64> {
        /// Signs and parentheses inside each other.
        const DEEPEST: usize = 32;
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let value = if self.take('-') {
            -self.factor()?
        } else if self.take('(') {
            let value = self.sum()?;
            self.take(')').then_some(value)?
        } else {
            self.number()?
        };
        self.depth -= 1;
        Some(value)
    }

    /// Digits with a point and an exponent.
    fn number(&mut self) -> Option<f64> {
        let bytes = self.rest.as_bytes();
        let is_part = |at: usize| match bytes[at] {
            b'0'..=b'9' | b'.' | b'e' | b'E' => true,
            b'+' | b'-' => at > 0 && matches!(bytes[at - 1], b'e' | b'E'),
            _ => false,
        };
        let length = (0..bytes.len()).find(|at| !is_part(*at)).unwrap_or(bytes.len());
        let (number, rest) = self.rest.split_at(length);
        self.rest = rest.trim_start();
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn numbers_are_computed_and_texts_are_left() {
        for (text, value) in [
            ("0.1 * 32 / 256", Some(0.0125)),
            ("1 - 2 - 3", Some(-4.0)),
            ("2 * (3 + 4)", Some(14.0)),
            ("-(1e-3 + 1)*-2", Some(2.002)),
            ("7", Some(7.0)),
            ("1 / 0", None),
            ("2 *", None),
            ("(1", None),
            ("a/b", None),
            ("/mnt/data", None),
            ("", None),
        ] {
            assert_eq!(evaluate(text), value, "{text}");
        }
        assert_eq!(evaluate(&"(".repeat(100_000)), None);
    }
}
