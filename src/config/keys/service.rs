//! Keys of the service alone: `[http]`, `[lease]`. `migrate` and its kin read past them.

use super::{Key, Kind, Section, key};

/// `[http]`.
pub static HTTP: Section = Section {
    path: "http",
    about: "the status page, API and metrics of the service",
    keys: &[
        key(
            "listen",
            Kind::Text,
            Some("\"127.0.0.1:8080\""),
            "Address and port that the service listens on.",
        ),
        key(
            "token_file",
            Kind::Text,
            None,
            "File that holds the bearer token for starting runs over HTTP; without a token nobody can.",
        ),
        key(
            "token_env",
            Kind::Text,
            None,
            "Name of the environment variable that holds that token.",
        ),
        key(
            "hosts",
            Kind::Texts,
            Some("[]"),
            "Names by which a reverse proxy on this machine asks; a loopback address answers to no others but `localhost`.",
        ),
    ],
};

/// `[lease]`.
pub static LEASE: Section = Section {
    path: "lease",
    about: "which of several replicas of the service works, by a Lease of Kubernetes",
    keys: &[
        key(
            "name",
            Kind::Text,
            None,
            "Name of the Lease; without it this process is the only one and always works.",
        ),
        key(
            "namespace",
            Kind::Text,
            None,
            "Namespace of the Lease; without it that of the pod.",
        ),
    ],
};

/// When a mirror runs.
pub(super) const SCHEDULE: Key = key(
    "schedule",
    Kind::Text,
    None,
    "When the service runs it: five fields as in a crontab, or six with seconds first.",
);
pub(super) const TIMEZONE: Key = key(
    "timezone",
    Kind::Text,
    None,
    "IANA name of the zone whose clock `schedule` goes by; without it UTC.",
);
pub(super) const EVERY: Key = key(
    "every",
    Kind::Duration(super::SECOND, super::LEAP_YEAR),
    Some("\"1h\""),
    "Time from one run of the service to the next, start to start; in place of `schedule`.",
);
pub(super) const JITTER: Key = key(
    "jitter",
    Kind::Duration(super::NONE, super::DAY),
    Some("\"0s\""),
    "Runs of the service begin up to this much later, each mirror by an amount of its own.",
);
