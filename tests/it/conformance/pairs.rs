//! Any two switches together: what each does alone it must do in company as well.

use super::stage::Stage;
use super::table::Table;
use super::{row, side_by_side, steps};
use crate::profiles::Profile;
use crate::profiles::switches::HARMLESS;

/// Pairs, from one switch to another so many places further in the list.
const STRIDE: usize = 11;

#[test]
fn any_two_harmless_switches_are_harmless_together() {
    let table = Table::default();
    let count = HARMLESS.len();
    // Every switch is in two pairs
    let pairs = (0..count).map(|at| {
        let ((one, first), (other, second)) = (HARMLESS[at], HARMLESS[(at + STRIDE) % count]);
        let name: &'static str = Box::leak(format!("{one} + {other}").into_boxed_str());
        Profile::brief(name, move |it| {
            first(it);
            second(it);
        })
    });
    side_by_side(pairs.collect(), |profile| {
        table.add(row(profile.name, || {
            steps::all(|| Stage::fake(&profile), &profile)
        }));
    });
    table.print("pair", None);
    table.assert_whole();
}
