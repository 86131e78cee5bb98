//! F19: clocks that are wrong or jump. What a run waits for and how old a token is goes by a clock that only moves on; the
//! wall clock is for display, for certificates, and for dates of servers that do not say what time they think it is.

use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::scene::Scene;
use crate::support::faults::{Effect, Fault};
use crate::support::server::{Answer, Kind};

/// Where the wall clock may be read below the command line, and what for.
const READERS: &[(&str, &str)] = &[
    (
        "net/send.rs",
        "a date in `Retry-After` beside which there is no `Date`",
    ),
    (
        "registry/credentials/cloud/aws/api.rs",
        "the date that AWS wants to be signed",
    ),
    (
        "registry/credentials/cloud/google/file.rs",
        "the dates of a signed claim, and an end that Google gives as a date",
    ),
    ("run/conclude.rs", "when a mirror was done, for its history"),
    ("run/mod.rs", "when a run began and ended, for the report"),
    ("run/recall.rs", "when a version was put in place, for its record"),
    ("transfer/verifier.rs", "whether a signing key has expired"),
];

#[test]
fn f19_nothing_is_timed_by_the_wall_clock() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for module in [
        "net",
        "registry",
        "source",
        "target.rs",
        "transfer",
        "run",
        "payload",
        "layout",
    ] {
        collect(&src, &src.join(module), &mut found);
    }
    found.sort();
    let allowed: Vec<&str> = READERS.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, allowed);
}

/// Files that read the wall clock outside of their tests.
fn collect(src: &Path, place: &Path, found: &mut Vec<String>) {
    if place.is_dir() {
        for entry in std::fs::read_dir(place).unwrap() {
            collect(src, &entry.unwrap().path(), found);
        }
        return;
    }
    let name = place.strip_prefix(src).unwrap().to_str().unwrap();
    if name.contains("tests") || name.ends_with("testing.rs") {
        return;
    }
    let Ok(text) = std::fs::read_to_string(place) else {
        return;
    };
    let code = text.split("#[cfg(test)]").next().unwrap();
    if ["SystemTime::now", "Utc::now", "Local::now"]
        .iter()
        .any(|clock| code.contains(clock))
    {
        found.push(name.to_owned());
    }
}

/// To us a server whose clock is off looks as our own does when it has jumped.
#[test]
fn f19_a_clock_that_is_off_changes_no_wait() {
    let hour = Duration::from_secs(3600);
    let decade = hour * 24 * 3652;
    let now = SystemTime::now();
    for theirs in [now - decade, now - hour, now + hour, now + decade] {
        let scene = Scene::single();
        let date = |time: SystemTime| {
            DateTime::<Utc>::from(time)
                .format("%a, %d %b %Y %H:%M:%S GMT")
                .to_string()
        };
        let answer = Answer::status(429)
            .header("date", date(theirs))
            .header("retry-after", date(theirs + Duration::from_secs(1)));
        scene
            .repo
            .fault(Fault::on(Kind::Index, Effect::Instead(answer)).nth(1));
        let ran = scene.run().expect(0);
        let log = scene.repo.log();
        let asked = log.of(Kind::Index);
        let waited = asked[1].at - asked[0].at;
        // The first answer came at some time after the request was noted
        assert!(waited >= Duration::from_secs(1), "{waited:?}\n{log}");
        assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
        scene.settle();
    }
}
