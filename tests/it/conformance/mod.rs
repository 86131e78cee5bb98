//! The conformance suite of the client: the same four steps at every profile and at every real registry, held to the same content,
//! the same list of forbidden requests and the same report (registries 6).
//!
//! `cargo test --test it conformance -- --nocapture` prints the table.

mod content;
mod judge;
mod pairs;
mod proofs;
mod renewal;
mod requests;
mod rules;
mod stage;
mod steps;
mod table;

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

use self::stage::Stage;
use self::table::{Row, Table};
use crate::profiles::{self, Profile};
use crate::support::process::RealRegistry;

/// Runs `work` over `all`, two at a time: the machine may have no more.
fn side_by_side<T: Send>(all: Vec<T>, work: impl Fn(T) + Sync) {
    let queue = Mutex::new(all.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    match next {
                        Some(next) => work(next),
                        None => return,
                    }
                }
            });
        }
    });
}

/// One row, whatever happens in it.
fn row(name: &str, work: impl FnOnce() -> Row) -> Row {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Row::broken(name, &words.unwrap_or_default())
    })
}

#[test]
fn every_profile_passes_the_suite_or_fails_as_it_should() {
    let table = Table::default();
    side_by_side(profiles::all(), |profile| {
        table.add(row(profile.name, || {
            steps::all(|| Stage::fake(&profile), &profile)
        }));
    });
    table.print("profile", Some(&profiles::all()));
    table.assert_whole();
}

#[test]
fn every_real_registry_passes_the_suite() {
    let table = Table::default();
    side_by_side(RealRegistry::all(), |(name, registry)| {
        let profile = Profile::real(name);
        let turn = std::cell::Cell::new(0);
        let stage = || {
            turn.set(turn.get() + 1);
            Stage::real(&profile, &registry, turn.get())
        };
        table.add(row(name, || steps::all(stage, &profile)));
    });
    table.print("registry", None);
    table.assert_whole();
}
