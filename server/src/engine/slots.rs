//! What the server keeps for each connection, by the connection's id.
//!
//! The one place that gives ids out and that tells a slot's owner from its former ones: whoever
//! asks with the id of a connection that is gone finds nothing.

use slab::{Slab, VacantEntry};

use crate::ids::ConnId;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Slots<V> {
    slab: Slab<(ConnId, V)>,
    generation: u32,
}

impl<V> Slots<V> {
    /// There is no connection.
    pub(crate) fn new() -> Self {
        Self { slab: Slab::new(), generation: 0 }
    }

    /// A slot for a new connection, with an id that no other had. It stays free unless something
    /// is put into it.
    pub(crate) fn vacant(&mut self) -> Vacant<'_, V> {
        let slot = self.slab.vacant_entry();
        // The generation of the slab as a whole: no two connections share one, whatever the slot.
        self.generation = self.generation.wrapping_add(1) % u32::MAX;
        let index = u32::try_from(slot.key()).unwrap_or(u32::MAX);
        Vacant { slot, id: ConnId { index, generation: self.generation } }
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// What is kept for a connection. `None` where it is gone.
    pub(crate) fn get(&self, id: ConnId) -> Option<&V> {
        let (owner, value) = self.slab.get(id.index as usize)?;
        (*owner == id).then_some(value)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, id: ConnId) -> Option<&mut V> {
        let (owner, value) = self.slab.get_mut(id.index as usize)?;
        (*owner == id).then_some(value)
    }

    /// Frees a connection's slot. `None` where it is gone.
    pub(crate) fn remove(&mut self, id: ConnId) -> Option<V> {
        self.get(id)?;
        self.slab.try_remove(id.index as usize).map(|(_, value)| value)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnId, &V)> {
        self.slab.iter().map(|(_, (id, value))| (*id, value))
    }
}

/// A slot that nothing was put into yet.
#[derive(Debug)]
pub(crate) struct Vacant<'a, V> {
    slot: VacantEntry<'a, (ConnId, V)>,
    id: ConnId,
}

impl<V> Vacant<'_, V> {
    /// The id that its owner will have.
    pub(crate) fn id(&self) -> ConnId {
        self.id
    }

    /// Gives it to its owner.
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
