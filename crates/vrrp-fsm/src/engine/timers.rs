//! Deadlines of everything that has one, in one ordered heap.
//!
//! Every thing has a slot that knows its place in the heap, so a deadline is moved or taken out in
//! O(log n) and there are no stale entries. In steady state nothing is allocated, which a tree of
//! deadlines could not promise. Equal moments fire in the order of their slots.

use alloc::vec::Vec;

use crate::Instant;

/// The slot of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimerId(u32);

/// Not in the heap.
const IDLE: u32 = u32::MAX;

/// A heap of deadlines; `T` says what each is for.
#[derive(Clone, Debug)]
pub(super) struct Timers<T> {
    heap: Vec<(Instant, TimerId)>,
    slots: Vec<Slot<T>>,
    free: Vec<TimerId>,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    place: u32,
    what: T,
}

impl<T: Copy> Timers<T> {
    pub(super) const fn new() -> Self {
        Self {
            heap: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A slot for `what`, idle.
    pub(super) fn add(&mut self, what: T) -> TimerId {
        let slot = Slot { place: IDLE, what };
        match self.free.pop() {
            Some(id) => {
                if let Some(old) = self.slots.get_mut(id.index()) {
                    *old = slot;
                }
                id
            }
            None => {
                // As many slots as u32 can count do not fit into memory.
                let id = TimerId(u32::try_from(self.slots.len()).unwrap_or(IDLE));
                self.slots.push(slot);
                self.heap.reserve(self.slots.len() - self.heap.len());
                id
            }
        }
    }

    /// Gives the slot back.
    pub(super) fn remove(&mut self, id: TimerId) {
        self.set(id, None);
        self.free.push(id);
    }

    /// Sets the deadline of `id`, or takes it away.
    pub(super) fn set(&mut self, id: TimerId, at: Option<Instant>) {
        let place = self.place(id);
        match (place, at) {
            (None, None) => {}
            (None, Some(at)) => {
                self.heap.push((at, id));
                self.sift_up(self.heap.len() - 1);
            }
            (Some(place), Some(at)) => {
                if let Some(entry) = self.heap.get_mut(place)
                    && entry.0 != at
                {
                    entry.0 = at;
                    self.settle(place);
                }
            }
            (Some(place), None) => {
                self.heap.swap_remove(place);
                self.put(id, IDLE);
                if place < self.heap.len() {
                    self.settle(place);
                }
            }
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline that is not after `now`, which is then no more.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, T)> {
        let &(at, id) = self.heap.first().filter(|(at, _)| *at <= now)?;
        self.set(id, None);
        self.slots.get(id.index()).map(|slot| (at, slot.what))
    }

    /// Everything whose deadline is not after `until`, in no order. Costs as much as there is of it.
    pub(super) fn due_until(&self, until: Instant, found: &mut Vec<T>) {
        self.collect(0, until, found);
    }

    /// As deep as the heap: 14 calls for 10,000 routers.
    fn collect(&self, place: usize, until: Instant, found: &mut Vec<T>) {
        if let Some(&(at, id)) = self.heap.get(place)
            && at <= until
        {
            found.extend(self.slots.get(id.index()).map(|slot| slot.what));
            self.collect(place * 2 + 1, until, found);
            self.collect(place * 2 + 2, until, found);
        }
    }

    fn place(&self, id: TimerId) -> Option<usize> {
        let place = self.slots.get(id.index())?.place;
        (place != IDLE).then_some(place as usize)
    }

    fn put(&mut self, id: TimerId, place: u32) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.place = place;
        }
    }

    /// Writes down where the entry at `place` is.
    fn note(&mut self, place: usize) {
        if let Some(&(_, id)) = self.heap.get(place) {
            self.put(id, u32::try_from(place).unwrap_or(IDLE));
        }
    }

    fn settle(&mut self, place: usize) {
        let place = self.sift_up(place);
        self.sift_down(place);
    }

    fn sift_up(&mut self, mut place: usize) -> usize {
        while let Some(parent) = place.checked_sub(1).map(|place| place / 2)
            && self.heap.get(place) < self.heap.get(parent)
        {
            self.heap.swap(place, parent);
            self.note(place);
            place = parent;
        }
        self.note(place);
        place
    }

    fn sift_down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (place * 2 + 1, place * 2 + 2);
            let least = |a: usize, b: usize| match (self.heap.get(a), self.heap.get(b)) {
                (Some(x), Some(y)) if y < x => b,
                (Some(_), _) | (None, None) => a,
                (None, Some(_)) => b,
            };
            let least = least(least(place, left), right);
            if least == place {
                break;
            }
            self.heap.swap(place, least);
            self.note(place);
            place = least;
        }
        self.note(place);
    }
}

impl TimerId {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests;
