//! Under which name a replica holds the lease: the pod's name for people, and a random end, since a name must belong to one
//! process only. A container that is restarted after a crash keeps its pod's name, but not what it held.
#![cfg_attr(not(feature = "kubernetes"), allow(dead_code, reason = "nobody takes part"))]

use std::hash::{BuildHasher as _, RandomState};

/// Digits of the random end.
const DIGITS: usize = 8;

/// A name that no other process has: `POD_NAME`, or the host's name, and a random end.
pub(super) fn identity() -> String {
    let pod = std::env::var("POD_NAME")
        .ok()
        .filter(|name| !name.trim().is_empty());
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    named(pod.unwrap_or_else(host).trim())
}

fn named(base: &str) -> String {
    // The standard library seeds its hash maps from the system's randomness
    let random = RandomState::new().hash_one(std::process::id());
    format!("{base}_{:08x}", random & 0xffff_ffff)
}

/// What people call it: without the random end.
pub(super) fn short(identity: &str) -> &str {
    match identity.rsplit_once('_') {
        Some((base, end)) if end.len() == DIGITS && end.bytes().all(|c| c.is_ascii_hexdigit()) => base,
        _ => identity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_a_name_of_its_own_and_people_see_the_pods() {
        let (one, other) = (named("ferry-5d9c-x2x1z"), named("ferry-5d9c-x2x1z"));
        assert_ne!(one, other);
        assert_eq!(
            (short(&one), short(&other)),
            ("ferry-5d9c-x2x1z", "ferry-5d9c-x2x1z")
        );
        assert_eq!(short("somebody_else"), "somebody_else");
        assert_eq!(short("a_0123456x"), "a_0123456x");
    }
}
