//! Who gets the next place: max-min fairness between mirrors, as plain data.

use std::collections::{BTreeMap, VecDeque};

/// The places, who has them and who waits for one. `W` is how somebody who waits is reached.
#[derive(Debug)]
pub(super) struct Shares<W> {
    width: usize,
    held: usize,
    parties: BTreeMap<u64, Party<W>>,
    /// Parties and those who wait are numbered, so that of equals the first comes first.
    next: u64,
    closed: bool,
}

#[derive(Debug)]
struct Party<W> {
    held: usize,
    waiting: VecDeque<(u64, W)>,
    /// It left, but for places that it still holds.
    left: bool,
}

impl<W> Shares<W> {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            held: 0,
            parties: BTreeMap::new(),
            next: 0,
            closed: false,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn join(&mut self) -> u64 {
        let number = self.number();
        let party = Party {
            held: 0,
            waiting: VecDeque::new(),
            left: false,
        };
        self.parties.insert(number, party);
        number
    }

    pub(super) fn leave(&mut self, party: u64) {
        if let Some(found) = self.parties.get_mut(&party) {
            found.left = true;
            found.waiting.clear();
            self.forget(party);
        }
    }

    fn forget(&mut self, party: u64) {
        if self
            .parties
            .get(&party)
            .is_some_and(|party| party.left && party.held == 0)
        {
            self.parties.remove(&party);
        }
    }

    /// Joins the queue. Once all is closed, `waiter` is dropped instead.
    pub(super) fn ask(&mut self, party: u64, waiter: W) {
        let number = self.number();
        if let Some(party) = self.parties.get_mut(&party).filter(|_| !self.closed) {
            party.waiting.push_back((number, waiter));
        }
    }

    /// Whose turn it is while there is a place: of those who wait, the one of the party with the fewest places.
    pub(super) fn grant(&mut self) -> Option<(u64, W)> {
        if self.held >= self.width {
            return None;
        }
        let waiting = self.parties.iter().filter_map(|(number, party)| {
            let (since, _) = party.waiting.front()?;
            Some(((party.held, *since), *number))
        });
        let (_, number) = waiting.min()?;
        self.take(number).map(|waiter| (number, waiter))
    }

    /// A place beyond the width for a party that has none.
    pub(super) fn relieve(&mut self, party: u64) -> Option<W> {
        if self.parties.get(&party)?.held > 0 {
            return None;
        }
        self.take(party)
    }

    /// A place comes back. If it was the party's last one and beyond the width, it stays with those of the party who wait:
    /// otherwise each of their versions would have to starve first.
    pub(super) fn release(&mut self, party: u64) -> Option<W> {
        self.held = self.held.saturating_sub(1);
        let found = self.parties.get_mut(&party)?;
        found.held = found.held.saturating_sub(1);
        if self.held >= self.width && found.held == 0 && !found.waiting.is_empty() {
            return self.take(party);
        }
        self.forget(party);
        None
    }

    fn take(&mut self, party: u64) -> Option<W> {
        let party = self.parties.get_mut(&party)?;
        let (_, waiter) = party.waiting.pop_front()?;
        party.held += 1;
        self.held += 1;
        Some(waiter)
    }

    pub(super) fn resize(&mut self, width: usize) {
        self.width = width;
    }

    /// Everybody who waits is dropped.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for party in self.parties.values_mut() {
            party.waiting.clear();
        }
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    #[cfg(test)]
    pub(super) fn parties(&self) -> usize {
        self.parties.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(shares: &mut Shares<u32>) -> Vec<u64> {
        std::iter::from_fn(|| shares.grant().map(|(party, _)| party)).collect()
    }

    fn ask(shares: &mut Shares<u32>, party: u64, times: u32) {
        (0..times).for_each(|time| shares.ask(party, time));
    }

    #[test]
    fn places_are_shared_evenly_and_none_stays_empty() {
        let mut shares = Shares::new(6);
        let (a, b, c) = (shares.join(), shares.join(), shares.join());
        ask(&mut shares, a, 100);
        ask(&mut shares, b, 1);
        ask(&mut shares, c, 100);
        // `b` wants no more than one, so the others share what it leaves
        assert_eq!(granted(&mut shares), [a, b, c, a, c, a]);
        for _ in 0..3 {
            assert_eq!(shares.release(a), None);
        }
        assert_eq!(
            granted(&mut shares),
            [a, a, a],
            "the fewest first, of equals who waits longest"
        );
    }

    #[test]
    fn who_comes_late_catches_up() {
        let mut shares = Shares::new(4);
        let (a, b) = (shares.join(), shares.join());
        ask(&mut shares, a, 100);
        assert_eq!(granted(&mut shares), [a; 4]);
        ask(&mut shares, b, 100);
        for party in [b, b] {
            assert_eq!(shares.release(a), None);
            assert_eq!(granted(&mut shares), [party]);
        }
        assert_eq!(shares.release(a), None);
        assert_eq!(granted(&mut shares), [a], "two each");
    }

    #[test]
    fn narrowing_takes_effect_as_places_come_back() {
        let mut shares = Shares::new(3);
        let (a, b) = (shares.join(), shares.join());
        ask(&mut shares, a, 2);
        ask(&mut shares, b, 9);
        granted(&mut shares);
        shares.resize(1);
        assert_eq!((shares.release(a), granted(&mut shares)), (None, vec![]));
        assert_eq!(shares.held(), 2);
    }
}
