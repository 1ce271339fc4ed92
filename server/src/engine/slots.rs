//! A table of values by connection id.
//!
//! Allocates connection ids. An id of a removed connection never resolves, even after its slot is
//! reused: lookups return `None`.

use slab::{Slab, VacantEntry};

use crate::ids::ConnId;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Slots<V> {
    slab: Slab<(ConnId, V)>,
    generation: u32,
}

impl<V> Slots<V> {
    /// An empty table.
    pub(crate) fn new() -> Self {
        Self { slab: Slab::new(), generation: 0 }
    }

    /// A free slot and a new id. The slot stays free until [`Vacant::insert`].
    pub(crate) fn vacant(&mut self) -> Vacant<'_, V> {
        let slot = self.slab.vacant_entry();
        // One counter for all slots: no two connections share a generation.
        self.generation = self.generation.wrapping_add(1) % u32::MAX;
        let index = u32::try_from(slot.key()).unwrap_or(u32::MAX);
        Vacant { slot, id: ConnId { index, generation: self.generation } }
    }

    /// Number of connections.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are no connections.
    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// A connection's value. `None` if the connection was removed.
    pub(crate) fn get(&self, id: ConnId) -> Option<&V> {
        let (owner, value) = self.slab.get(id.index as usize)?;
        (*owner == id).then_some(value)
    }

    /// As [`Slots::get`], mutable.
    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut V> {
        let (owner, value) = self.slab.get_mut(id.index as usize)?;
        (*owner == id).then_some(value)
    }

    /// Removes a connection and frees its slot. `None` if the connection was removed before.
    pub(crate) fn remove(&mut self, id: ConnId) -> Option<V> {
        self.get(id)?;
        self.slab.try_remove(id.index as usize).map(|(_, value)| value)
    }

    /// All connections.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &V)> {
        self.slab.iter().map(|(_, (id, value))| (*id, value))
    }
}

/// A free slot, with the id that its connection will have.
#[derive(Debug)]
pub(crate) struct Vacant<'a, V> {
    slot: VacantEntry<'a, (ConnId, V)>,
    id: ConnId,
}

impl<V> Vacant<'_, V> {
    /// The id of the future connection.
    pub(crate) fn id(&self) -> ConnId {
        self.id
    }

    /// Fills the slot.
    pub(crate) fn insert(self, value: V) {
        self.slot.insert((self.id, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_is_used_again_is_another_connections() {
        let mut slots = Slots::new();
        let mut opened = |value| {
            let slot = slots.vacant();
            let id = slot.id();
            slot.insert(value);
            (id, slots.remove(id))
        };
        let (first, removed) = opened('a');
        assert_eq!(removed, Some('a'));
        let (second, _) = opened('b');
        assert_eq!(first.index, second.index);
        assert_ne!(first, second);

        let slot = slots.vacant();
        let third = slot.id();
        slot.insert('c');
        for gone in [first, second] {
            assert_eq!(slots.get(gone), None);
            assert_eq!(slots.get_mut(gone), None);
            assert_eq!(slots.remove(gone), None);
        }
        assert_eq!(slots.get(third), Some(&'c'));
        assert_eq!(slots.iter().collect::<Vec<_>>(), [(third, &'c')]);
    }

    #[test]
    fn a_slot_that_nothing_was_put_into_stays_free() {
        let mut slots = Slots::<char>::new();
        let (first, second) = (slots.vacant().id(), slots.vacant().id());
        assert_eq!(first.index, second.index);
        assert_ne!(first, second);
        assert!(slots.is_empty());
    }
}
