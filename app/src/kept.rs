//! A cache of one value, for figures that are made once and drawn in every frame.

/// The last value, with the key that it was made for.
pub struct Kept<K, T>(Option<(K, T)>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, T> Kept<K, T> {
    /// The value for `key`; `make` is called if the last one has another key.
    pub fn get(&mut self, key: K, make: impl FnOnce(&K) -> T) -> &mut T {
        let kept = self.0.take().filter(|(of, _)| *of == key);
        let (_, value) = self.0.insert(kept.unwrap_or_else(|| {
            let value = make(&key);
            (key, value)
        }));
        value
    }
}
