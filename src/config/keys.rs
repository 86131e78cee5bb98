//! The table of every key of the configuration file: the one truth from which the reader, the JSON Schema and
//! the tests of `config.example.toml` derive. A key that this release would ignore is not in it, so the reader
//! refuses it as unknown (product 11).

mod service;

use std::time::Duration;

pub use self::service::{HTTP, LEASE};
pub use super::kind::Kind;
use super::memory::LONGEST_RECONCILE;
use crate::types::{ByteSize, RegistryKind};

/// A table of the file and the keys it may hold.
#[derive(Debug)]
pub struct Section {
    /// As written in headers: `host`, `mirror`, `mirror.chart`; empty for the top of the file.
    pub path: &'static str,
    /// What the section is for, one sentence.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// True if the section is worthless without it.
    pub required: bool,
    /// The default as TOML text; `None` where absence means something that no value says.
    pub default: Option<&'static str>,
    /// What it does, one sentence.
    pub about: &'static str,
}

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, about: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        default,
        about,
    }
}

const fn required(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        default: None,
        about,
    }
}

const KIB: ByteSize = ByteSize(1 << 10);
const MIB: ByteSize = ByteSize(1 << 20);
const GIB16: ByteSize = ByteSize(16 << 30);
const NONE: Duration = Duration::ZERO;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const LEAP_YEAR: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longer cooldowns are slips of the pen; the bound also keeps date arithmetic far from its limits.
const TEN_YEARS: Duration = Duration::from_secs(10 * 31_557_600);

/// The top of the file.
pub static GLOBAL: Section = Section {
    path: "",
    about: "settings of the whole process",
    keys: &[
        key(
            "concurrency",
            Kind::Auto(1, 1024),
            Some("\"auto\""),
            "Versions in flight at once; `auto` finds the width by itself between 4 and 64.",
        ),
        key(
            "memory_budget",
            Kind::Size(MIB, GIB16),
            Some("\"32MiB\""),
            "Package bytes held in memory at once; larger packages spill to temporary files.",
        ),
        key(
            "max_index_size",
            Kind::Size(KIB, GIB16),
            Some("\"256MiB\""),
            "An index that is larger is refused.",
        ),
        key(
            "max_package_size",
            Kind::Size(KIB, GIB16),
            Some("\"100MiB\""),
            "A package that is larger is refused.",
        ),
        key(
            "grace",
            Kind::Duration(NONE, HOUR),
            Some("\"25s\""),
            "Time to finish what is in flight after the first interrupt.",
        ),
        key(
            "state_dir",
            Kind::Text,
            None,
            "Folder for what mirrors remember between runs, `off` for none; without it `$STATE_DIRECTORY`, else `chartferry` in the XDG state folder.",
        ),
        key(
            "reconcile_every",
            Kind::Duration(NONE, LONGEST_RECONCILE),
            Some("\"24h\""),
            "Longest time between two runs of a mirror that read all tag lists and look at every tag, whatever is remembered.",
        ),
        key(
            "log",
            Kind::Text,
            Some("\"info\""),
            "Log level, or levels by module as in `info,chartferry::registry=debug`.",
        ),
        key(
            "log_format",
            Kind::Choice(&["text", "json"]),
            Some("\"text\""),
            "Form of the log lines.",
        ),
        key(
            "http",
            Kind::Table(&HTTP),
            None,
            "The status page, API and metrics of the service.",
        ),
        key(
            "lease",
            Kind::Table(&LEASE),
            None,
            "Which of several replicas of the service works.",
        ),
        key(
            "host",
            Kind::Tables(&HOST),
            None,
            "Login, TLS and limits of one host, for sources and targets alike.",
        ),
        key(
            "mirror",
            Kind::Tables(&MIRROR),
            None,
            "One source and the targets it is copied to.",
        ),
        key(
            "notify",
            Kind::Tables(&NOTIFY),
            None,
            "Who the service tells of failures, drift and recovery.",
        ),
    ],
};

/// `[[host]]`.
pub static HOST: Section = Section {
    path: "host",
    about: "login, TLS and limits of one host, for sources and targets alike",
    keys: &[
        required("name", Kind::Text, "`host` or `host:port`, without a scheme."),
        key(
            "kind",
            Kind::Choice(&RegistryKind::NAMES),
            None,
            "What registry it is, where its name does not tell; decides how missing repositories are created.",
        ),
        key(
            "username",
            Kind::Text,
            None,
            "User of the login; needs one of the two `password_` keys.",
        ),
        key(
            "password_file",
            Kind::Text,
            None,
            "File that holds the password; one newline at its end is cut.",
        ),
        key(
            "password_env",
            Kind::Text,
            None,
            "Name of the environment variable that holds the password.",
        ),
        key(
            "credential_helper",
            Kind::Text,
            None,
            "Docker credential helper, by the part after `docker-credential-` or by absolute path.",
        ),
        key(
            "cloud",
            Kind::Choice(&["auto", "aws", "azure", "google", "off"]),
            Some("\"auto\""),
            "Whose workload identity logs in where no store knows the host; `auto`: as the host's name says.",
        ),
        key(
            "ecr_scan_on_push",
            Kind::Bool,
            Some("false"),
            "Repositories that `create_repositories` creates at Amazon ECR scan what is pushed.",
        ),
        key(
            "ecr_immutable_tags",
            Kind::Bool,
            Some("false"),
            "Repositories that `create_repositories` creates at Amazon ECR do not let tags be moved.",
        ),
        key("plain_http", Kind::Bool, Some("false"), "Speak HTTP without TLS."),
        key(
            "insecure_skip_tls_verify",
            Kind::Bool,
            Some("false"),
            "Accept any certificate.",
        ),
        key(
            "ca_file",
            Kind::Text,
            None,
            "PEM file of certificate authorities to trust besides the system's.",
        ),
        key(
            "cert_file",
            Kind::Text,
            None,
            "PEM file of the client certificate; needs `key_file`.",
        ),
        key(
            "key_file",
            Kind::Text,
            None,
            "PEM file of the client certificate's private key; needs `cert_file`.",
        ),
        key(
            "max_connections",
            Kind::Integer(1, 1024),
            None,
            "Requests to this host at once; without it, `concurrency` decides.",
        ),
        key(
            "requests_per_second",
            Kind::Number(0.0, 100_000.0),
            None,
            "Pace of requests to this host; without it, the host's answers decide.",
        ),
        key(
            "timeout",
            Kind::Duration(MILLISECOND, HOUR),
            Some("\"60s\""),
            "Longest wait for an answer to begin; a shorter one also limits pauses within it.",
        ),
        key(
            "trusted_realms",
            Kind::Texts,
            Some("[]"),
            "Hosts of token services, besides the registry's own, that may be given this host's credentials.",
        ),
        key(
            "pass_credentials_to",
            Kind::Texts,
            Some("[]"),
            "Further hosts that may be given this host's credentials, such as a download host of a source.",
        ),
        key(
            "allow_private",
            Kind::Texts,
            Some("[]"),
            "Hosts, addresses or networks (CIDR) on private, loopback or link-local addresses that this host may lead to.",
        ),
    ],
};

const RANGE: &str = "Semver range as Helm reads it; versions outside of it are left out.";
const LATEST: &str = "Keep this many of the newest versions of each chart, after all other filters.";
const SINCE: &str = "Leave out versions created before this date or longer ago than this age.";
const DEPRECATED: &str = "Take deprecated versions as well.";
const PRERELEASES: &str =
    "Take prereleases as well; without it: yes if `versions` is not given, else as the range says.";
const APP_VERSIONS: &str = "Globs on `appVersion`; without it all are taken.";

/// `[[mirror]]`.
pub static MIRROR: Section = Section {
    path: "mirror",
    about: "one source and the targets it is copied to",
    keys: &[
        required("name", Kind::Text, "Name in reports and on the command line."),
        required(
            "source",
            Kind::Text,
            "`http(s)://` repository, folder, `file://` URL, `oci-layout:DIR` or `helm:NAME`.",
        ),
        required(
            "targets",
            Kind::Texts,
            "Each `oci://host[:port]/prefix` or `oci-layout:DIR`; one download, several pushes.",
        ),
        key(
            "include",
            Kind::Texts,
            Some("[]"),
            "Globs on chart names; empty: all charts.",
        ),
        key(
            "exclude",
            Kind::Texts,
            Some("[]"),
            "Globs on chart names that are left out, also if `include` names them.",
        ),
        key("versions", Kind::Text, None, RANGE),
        key("latest", Kind::Integer(1, 1_000_000), None, LATEST),
        key("since", Kind::Since, None, SINCE),
        key("prereleases", Kind::Bool, None, PRERELEASES),
        key("deprecated", Kind::Bool, Some("true"), DEPRECATED),
        key("app_versions", Kind::Texts, Some("[]"), APP_VERSIONS),
        key(
            "chart",
            Kind::Tables(&CHART),
            None,
            "Filters of one chart that replace those of the mirror.",
        ),
        key(
            "digest",
            Kind::Choice(&["enforce", "warn", "off"]),
            Some("\"enforce\""),
            "What a package that differs from the index's digest means.",
        ),
        key(
            "provenance",
            Kind::Choice(&["carry", "verify", "require", "off"]),
            Some("\"carry\""),
            "What is done with `.prov` files.",
        ),
        key(
            "keyring",
            Kind::Text,
            None,
            "File of OpenPGP public keys, for `provenance` `verify` and `require`.",
        ),
        key(
            "drift",
            Kind::Choice(&["report", "overwrite", "fail"]),
            Some("\"report\""),
            "What is done with a version whose bytes changed at the source after it was pushed.",
        ),
        key(
            "check_drift",
            Kind::Bool,
            Some("false"),
            "Compare the digests of versions that are already there: one manifest request per version.",
        ),
        key(
            "min_age",
            Kind::Duration(NONE, TEN_YEARS),
            Some("\"0s\""),
            "Versions younger than this wait.",
        ),
        key(
            "accept",
            Kind::Texts,
            Some("[]"),
            "`chart@version` or `chart@*`: known to fail or to drift upstream, without effect on the exit code.",
        ),
        key(
            "duplicates",
            Kind::Choice(&["bytes", "error"]),
            Some("\"bytes\""),
            "What a version means that one index lists several times: any listed digest will do, or an error.",
        ),
        key(
            "mismatch",
            Kind::Choice(&["error", "package"]),
            Some("\"error\""),
            "What a package means whose own name or version is not the index's: an error, or the package is right.",
        ),
        key(
            "rename",
            Kind::Names,
            Some("{}"),
            "Repository names for charts whose own name a registry does not allow.",
        ),
        key(
            "create_repositories",
            Kind::Bool,
            Some("false"),
            "Create what a push does not create, where the registry has a call for it: repositories at ECR, projects at Harbor, organisations at Quay.",
        ),
        key(
            "run_timeout",
            Kind::Duration(SECOND, WEEK),
            None,
            "A run that takes longer is stopped; without it none is, but in the service after 2 hours.",
        ),
        service::SCHEDULE,
        service::TIMEZONE,
        service::EVERY,
        service::JITTER,
        key(
            "max_shrink",
            Kind::Text,
            Some("\"10%\""),
            "An index that lost more than this share of its versions, and at least 10, is suspicious until it is confirmed.",
        ),
        key(
            "heal",
            Kind::Bool,
            Some("true"),
            "Push again what somebody deleted at the target.",
        ),
        key(
            "prune",
            Kind::Choice(&["off", "vanished"]),
            Some("\"off\""),
            "Delete tags that this mirror pushed and that the source lists no more, after a run without errors.",
        ),
    ],
};

/// `[[mirror.chart]]`.
pub static CHART: Section = Section {
    path: "mirror.chart",
    about: "filters of one chart that replace those of the mirror",
    keys: &[
        required("name", Kind::Text, "The chart's name in the index."),
        key("versions", Kind::Text, None, RANGE),
        key(
            "latest",
            Kind::Integer(1, 1_000_000),
            None,
            "Keep this many of the newest versions.",
        ),
        key("since", Kind::Since, None, SINCE),
        key("prereleases", Kind::Bool, None, "Take prereleases as well."),
        key("deprecated", Kind::Bool, None, DEPRECATED),
        key("app_versions", Kind::Texts, None, APP_VERSIONS),
    ],
};

/// `[[notify]]`.
pub static NOTIFY: Section = Section {
    path: "notify",
    about: "who the service tells of failures, drift and recovery, by a webhook",
    keys: &[
        required("name", Kind::Text, "Name in logs and metrics."),
        key(
            "url",
            Kind::Text,
            None,
            "Where notifications are posted to; one of `url`, `url_file` and `url_env` is needed.",
        ),
        key(
            "url_file",
            Kind::Text,
            None,
            "File that holds the URL; read for each notification.",
        ),
        key(
            "url_env",
            Kind::Text,
            None,
            "Name of the environment variable that holds the URL.",
        ),
        key(
            "on",
            Kind::Texts,
            Some("[\"failure\", \"drift\", \"recovery\"]"),
            "Events that are told.",
        ),
        key(
            "mirrors",
            Kind::Texts,
            Some("[]"),
            "Globs on names of mirrors; empty: all mirrors.",
        ),
        key(
            "header",
            Kind::Text,
            None,
            "Name of a header with a secret; needs `header_file` or `header_env`.",
        ),
        key(
            "header_file",
            Kind::Text,
            None,
            "File that holds the header's value; read for each notification.",
        ),
        key(
            "header_env",
            Kind::Text,
            None,
            "Name of the environment variable that holds the header's value.",
        ),
        key(
            "template",
            Kind::Text,
            None,
            "JSON that is posted instead, with placeholders such as `{message}` in its strings.",
        ),
        key(
            "template_file",
            Kind::Text,
            None,
            "File that holds the template; read with the configuration.",
        ),
    ],
};

impl Section {
    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// As its header is written.
    pub fn header(&self) -> String {
        let path = self.path;
        match GLOBAL.key(path).map(|key| key.kind) {
            Some(Kind::Table(_)) => format!("[{path}]"),
            _ => format!("[[{path}]]"),
        }
    }

    /// All sections, the top first.
    pub fn all() -> [&'static Self; 7] {
        [&GLOBAL, &HTTP, &LEASE, &HOST, &MIRROR, &CHART, &NOTIFY]
    }
}
