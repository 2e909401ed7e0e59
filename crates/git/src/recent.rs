//! A memory of limited size: what was not asked for lately goes first.

use std::collections::HashMap;
use std::hash::Hash;

/// Values by their keys, in two halves: what is put or asked for gets into the new one. When that is full, it becomes
/// the old one, and what was in the old one and not asked for since is forgotten.
pub(crate) struct Recent<K, V> {
    new: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    /// Weight of the new half.
    weight: usize,
    most: usize,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// One that holds values of this weight together.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            new: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
            most,
        }
    }

    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        if let Some((value, _)) = self.new.get(&key) {
            return Some(value.clone());
        }
        let (value, weight) = self.old.remove(&key)?;
        self.put(key, value.clone(), weight);
        Some(value)
    }

    /// Keeps a value, unless it weighs more than half of all.
    pub(crate) fn put(&mut self, key: K, value: V, weight: usize) {
        if weight > self.most / 2 {
            return;
        }
        if self.weight + weight > self.most / 2 {
            self.old = std::mem::take(&mut self.new);
            self.weight = 0;
        }
        self.weight += weight;
        if let Some((_, before)) = self.new.insert(key, (value, weight)) {
            self.weight -= before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut recent = Recent::new(20);
        for key in 0..100 {
            recent.put(key, key * 2, 1);
            assert_eq!(recent.get(0), Some(0), "after {key}");
            assert!(recent.new.len() + recent.old.len() <= 20, "after {key}");
        }
        assert_eq!(recent.get(99), Some(198));
        assert_eq!(recent.get(50), None);
        recent.put(1, 1, 11);
        assert_eq!(recent.get(1), None, "it is too heavy");
    }

    #[test]
    fn a_value_that_is_put_again_weighs_once() {
        let mut recent = Recent::new(20);
        recent.put("a", 1, 2);
        for _ in 0..100 {
            recent.put("b", 2, 5);
        }
        assert_eq!(recent.get("a"), Some(1));
    }
}
