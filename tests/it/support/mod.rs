//! The workshop of the integration tests: fakes that run in process, real programs, and charts built in memory.

pub(crate) mod chart_repo;
pub(crate) mod charts;
#[cfg(target_os = "linux")]
pub(crate) mod cluster;
pub(crate) mod data;
pub(crate) mod disk;
pub(crate) mod faults;
pub(crate) mod ferry;
pub(crate) mod h2_front;
pub(crate) mod helm;
pub(crate) mod names;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod recorded;
pub(crate) mod recorder;
pub(crate) mod registry;
pub(crate) mod server;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod tools;

/// The logins of the fake registry, by the name under which tests know them.
pub(crate) use registry as registry_auth;

/// Says on stderr that a test, or a part of one, did not run and what it lacks. With `CI=true` that is a failure: a machine that
/// is meant to check everything must not pass by checking less.
pub(crate) fn skip(what: &str, missing: &str) {
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{what} cannot run with CI=true: {missing}"
    );
    eprintln!("skipped: {what}: {missing}");
}
