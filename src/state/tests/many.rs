//! A mirror of 48,000 versions.

use super::{bytes, sample, sound};
use crate::state::{MaxShrink, Recorded, Seen, State, Wanted};

const CHARTS: usize = 480;
const VERSIONS: usize = 100;
/// Bytes of a version in the file, at one target and with a digest in the index.
const BYTES: usize = 280;

#[test]
fn a_large_mirror_stays_small() {
    let mut state = State::new(sample::identity());
    let charts: Vec<_> = (0..CHARTS).map(|n| format!("chart-{n}")).collect();
    let versions: Vec<_> = (0..VERSIONS).map(|n| format!("{n}.12.7-beta.1+up2")).collect();
    let all = || {
        charts
            .iter()
            .flat_map(|chart| versions.iter().map(move |version| (chart, version)))
    };
    let seen = all().map(|(chart, version)| Seen {
        chart,
        version,
        created: Some(sample::day(1)),
    });
    let look = state.look(seen, MaxShrink::default(), false, sample::day(2));
    assert_eq!(look.versions, 48_000);
    for (chart, version) in all() {
        let (repository, tag) = sample::place(chart, version);
        let stored = sample::pushed(&format!("{chart} {version}"));
        let digests = [stored.package.unwrap()];
        let wanted = Wanted {
            digests: &digests,
            ..sample::wanted(chart, version, (&repository, &tag))
        };
        assert!(state.stored(0, &wanted, &stored, sample::day(2)));
    }
    let written = bytes(&state);
    assert!(written.len() < CHARTS * VERSIONS * BYTES, "{}", written.len());
    let read = sound(&written);
    assert!(read == state);
    let (repository, tag) = sample::place("chart-479", "99.12.7-beta.1+up2");
    let wanted = sample::wanted("chart-479", "99.12.7-beta.1+up2", (&repository, &tag));
    assert_eq!(read.recorded(0, &wanted), Recorded::InPlace);
}
