//! A bounded table that evicts old entries without ever scanning.
//!
//! The table owns the bound on entries. Its users decide which entries are worth keeping, and until
//! when.

use std::{collections::HashMap, hash::Hash, mem};

/// Most entries of one table: more addresses than any attacker but a large botnet has. With the
/// longest keys a full table takes less than 4 MiB.
pub(super) const ENTRIES_MAX: usize = 16_384;

/// Most entries of one of the two generations.
const GENERATION_MAX: usize = ENTRIES_MAX / 2;

/// A table of two generations. A touch moves an entry to the young generation. When that is full,
/// the old generation is dropped as a whole and the young one takes its place. So an entry survives
/// at least 8,192 touches of other entries after its own last one, and the cost of dropping a
/// generation is amortised over the 8,192 touches that filled it.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    young: HashMap<K, V>,
    /// No key is in both generations.
    old: HashMap<K, V>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    /// Looks an entry up without touching it.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Looks an entry up to change it, without touching it.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.young.get_mut(key).or_else(|| self.old.get_mut(key))
    }

    /// Touches an entry, and makes it if there is none. May evict others.
    pub(super) fn touch(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let aged = self.old.remove(&key);
        if self.young.len() >= GENERATION_MAX && !self.young.contains_key(&key) {
            mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.entry(key).or_insert_with(|| aged.unwrap_or_default())
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, key: &K) {
        if self.young.remove(key).is_none() {
            self.old.remove(key);
        }
    }

    /// Removes the entries whose keys fulfil a condition. Returns their number.
    pub(super) fn remove_all(&mut self, is_meant: impl Fn(&K) -> bool) -> u32 {
        let before = self.young.len() + self.old.len();
        self.young.retain(|key, _| !is_meant(key));
        self.old.retain(|key, _| !is_meant(key));
        u32::try_from(before - self.young.len() - self.old.len()).unwrap_or(u32::MAX)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_outlives_8192_touches_of_others() {
        let mut table = Table::<usize, &str>::default();
        for before in [0, 1, GENERATION_MAX - 1, GENERATION_MAX, GENERATION_MAX + 1] {
            for other in 0..before {
                table.touch(1_000_000 + other);
            }
            *table.touch(0) = "kept";
            for other in 0..GENERATION_MAX {
                table.touch(2_000_000 + other);
                assert_eq!(table.peek(&0), Some(&"kept"), "after {before} and {other}");
            }
        }
    }

    #[test]
    fn what_is_touched_stays_and_the_rest_is_forgotten() {
        let mut table = Table::<usize, &str>::default();
        *table.touch(0) = "touched";
        *table.touch(1) = "left alone";
        for other in 2..100_000 {
            table.touch(other);
            if other % 1_000 == 0 {
                assert_eq!(*table.touch(0), "touched");
            }
            assert!(table.len() <= ENTRIES_MAX);
        }
        assert_eq!(table.peek(&1), None);
    }

    #[test]
    fn an_entry_is_found_and_removed_in_either_generation() {
        let mut table = Table::<usize, &str>::default();
        for is_old in [false, true] {
            *table.touch(0) = "here";
            if is_old {
                for other in 1..=GENERATION_MAX {
                    table.touch(other);
                }
                assert!(table.old.contains_key(&0));
            }
            assert_eq!(table.peek_mut(&0), Some(&mut "here"));
            table.remove(&0);
            assert_eq!(table.peek(&0), None);
        }
    }
}
