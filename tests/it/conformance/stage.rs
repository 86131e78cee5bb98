//! A chart repository, a registry under test, and the program between them.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::profiles::{Login, PASSWORD, Profile, REFRESH, USER};
use crate::support::chart_repo::ChartRepo;
use crate::support::charts::{Chart, unverifiable_prov};
use crate::support::faults::Fault;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::process::RealRegistry;
use crate::support::recorder::Recorder;
use crate::support::registry::Registry;
use crate::support::server::Log;
use crate::support::tls::Tls;

/// What is under test.
pub(super) enum Subject {
    Fake(Registry),
    Real(Recorder),
}

/// One registry from its first request on.
pub(super) struct Stage<'a> {
    pub(super) profile: &'a Profile,
    pub(super) subject: Subject,
    pub(super) repo: ChartRepo,
    pub(super) ferry: Ferry,
    pub(super) charts: Vec<Chart>,
    prefix: String,
    tls: Option<Tls>,
}

/// Three versions of one chart; two of another, one of them with a tag that is not its version, the other with provenance.
pub(super) fn charts() -> Vec<Chart> {
    [
        ("alpha", "1.0.0"),
        ("alpha", "1.1.0"),
        ("alpha", "1.2.0"),
        ("beta", "0.1.0-rc.1+build.5"),
        ("beta", "2.0.0"),
    ]
    .map(|(name, version)| Chart::new(name, version))
    .into()
}

/// The one with provenance.
pub(super) fn is_signed(chart: &Chart) -> bool {
    chart.name == "beta" && chart.version == "2.0.0"
}

impl<'a> Stage<'a> {
    /// The fake with the switches of `profile`.
    pub(super) fn fake(profile: &'a Profile) -> Self {
        let tls = profile.secure.then(Tls::new);
        let registry = match (&tls, profile.domain) {
            (Some(tls), _) => Registry::secure(tls, |it| (profile.turn)(it)),
            (None, Some(domain)) => Registry::named(&format!("http://{domain}"), |it| (profile.turn)(it)),
            (None, None) => Registry::with(|it| (profile.turn)(it)),
        };
        Self::build(profile, Subject::Fake(registry), profile.prefix.to_owned(), tls)
    }

    /// A real one, under a prefix of its own.
    pub(super) fn real(profile: &'a Profile, registry: &RealRegistry, turn: usize) -> Self {
        let prefix = format!("conformance-{}-{turn}", std::process::id());
        let recorder = Recorder::before(registry.host());
        Self::build(profile, Subject::Real(recorder), prefix, None)
    }

    fn build(profile: &'a Profile, subject: Subject, prefix: String, tls: Option<Tls>) -> Self {
        let mut charts = charts();
        if let Some(size) = profile.big {
            charts.push(Chart::new("gamma", "1.0.0").ballast(size));
        }
        let mut ferry = Ferry::new();
        if profile.domain.is_some() {
            ferry = ferry
                .env("HTTP_PROXY", &format!("http://{}", subject.host()))
                .env("NO_PROXY", "127.0.0.1,localhost");
        }
        let stage = Self {
            profile,
            repo: ChartRepo::of(&charts),
            subject,
            ferry,
            charts,
            prefix,
            tls,
        };
        for chart in stage.charts.iter().filter(|chart| is_signed(chart)) {
            stage.repo.put(
                &format!("{}.prov", chart.file_name()),
                unverifiable_prov(chart, &chart.tgz()),
            );
        }
        if let (true, Subject::Fake(registry)) = (profile.prepared, &stage.subject) {
            for name in ["alpha", "beta", "gamma"] {
                registry.meddle(&stage.repository(name), |_| {});
            }
        }
        stage.write_login();
        stage.write_config();
        stage
    }

    /// One version more at the source.
    pub(super) fn publish_another(&mut self) {
        self.charts.push(Chart::new("alpha", "1.3.0"));
        self.repo.publish(&self.charts);
    }

    /// The repository of a chart.
    pub(super) fn repository(&self, chart: &str) -> String {
        format!("{}/{chart}", self.prefix)
    }

    /// The host as the configuration names it.
    fn name(&self) -> String {
        match self.profile.domain {
            None => self.subject.host(),
            // The name that people write is not the one that serves the API
            Some("registry-1.docker.io") => "docker.io".to_owned(),
            Some(domain) => domain.to_owned(),
        }
    }

    fn write_login(&self) {
        let home = self.ferry.home();
        std::fs::write(home.join("password"), PASSWORD).unwrap();
        let helper = home.join("docker-credential-rotating");
        // Another password each time it is asked, as clouds give them
        let script = format!(
            "#!/bin/sh\nn=0; [ -f '{count}' ] && read -r n < '{count}'\nn=$((n + 1)); echo \"$n\" > '{count}'\ncat > /dev/null\n\
             printf '{{\"ServerURL\":\"x\",\"Username\":\"{USER}\",\"Secret\":\"{PASSWORD}-%s\"}}' \"$n\"\n",
            count = home.join("count").display()
        );
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let store = serde_json::json!({ "auths": { self.name(): { "identitytoken": REFRESH } } });
        if self.profile.login == Login::Identity {
            std::fs::create_dir_all(home.join(".docker")).unwrap();
            std::fs::write(home.join(".docker/config.json"), store.to_string()).unwrap();
        }
    }

    fn write_config(&self) {
        let home = self.ferry.home();
        // Where tags are taken away by age, the order in which they come has to be known
        let width = if self.profile.behaviour().max_unique_tags.is_some() {
            1
        } else {
            4
        };
        let mut text = format!(
            "concurrency = {width}\ngrace = \"50ms\"\n[[host]]\nname = \"{}\"\n",
            self.name()
        );
        match &self.tls {
            None => text.push_str("plain_http = true\n"),
            Some(tls) => {
                tls.write_authority(&home.join("ca.pem"));
                text.push_str("ca_file = \"ca.pem\"\n");
            }
        }
        match self.profile.login {
            Login::None | Login::Identity => {}
            Login::Password => writeln!(text, "username = \"{USER}\"\npassword_file = \"password\"").unwrap(),
            Login::Helper => {
                let helper = home.join("docker-credential-rotating");
                writeln!(text, "credential_helper = \"{}\"", helper.display()).unwrap();
            }
        }
        let elsewhere = match &self.subject {
            Subject::Fake(registry) => registry.elsewhere_host(),
            Subject::Real(_) => None,
        };
        let more = self
            .profile
            .host
            .replace("ELSEWHERE", &elsewhere.unwrap_or_default());
        write!(
            text,
            "{more}\n[[mirror]]\nname = \"m\"\nsource = \"{}\"\ntargets = [\"oci://{}/{}\"]\n{}\n",
            self.repo.url(),
            self.name(),
            self.prefix,
            self.profile.mirror
        )
        .unwrap();
        std::fs::write(home.join("config.toml"), text).unwrap();
    }

    fn args() -> [&'static str; 4] {
        ["migrate", "-c", "config.toml", "-vv"]
    }

    /// A run with fresh logs.
    pub(super) fn run(&self) -> Outcome {
        self.subject.forget_log();
        self.repo.forget_log();
        let outcome = self.ferry.report(Self::args());
        for secret in [PASSWORD, REFRESH] {
            outcome.assert_free_of(secret);
            self.repo.log().assert_free_of(secret);
        }
        outcome
    }

    /// Starts a run and waits until `ready`.
    pub(super) fn start(&self, ready: impl Fn(&Log) -> bool) -> Child {
        let mut command = self.ferry.command(Self::args());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready(&self.subject.log()) {
            assert!(Instant::now() < deadline, "the moment to interrupt never came");
            assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }
}

impl Subject {
    fn host(&self) -> String {
        match self {
            Self::Fake(registry) => registry.host(),
            Self::Real(recorder) => recorder.host(),
        }
    }

    pub(super) fn log(&self) -> Log {
        match self {
            Self::Fake(registry) => registry.log(),
            Self::Real(recorder) => recorder.log(),
        }
    }

    /// The registry's log and that of its other origin.
    pub(super) fn whole_log(&self) -> Log {
        let mut log = self.log();
        if let Self::Fake(registry) = self {
            log.0.extend(registry.elsewhere_log().0);
            log.0.sort_by_key(|entry| entry.at);
        }
        log
    }

    pub(super) fn forget_log(&self) {
        match self {
            Self::Fake(registry) => registry.forget_log(),
            Self::Real(recorder) => recorder.forget_log(),
        }
    }

    pub(super) fn fault(&self, fault: Fault) {
        match self {
            Self::Fake(registry) => registry.fault(fault),
            Self::Real(recorder) => recorder.fault(fault),
        }
    }

    pub(super) fn heal(&self) {
        match self {
            Self::Fake(registry) => registry.heal(),
            Self::Real(recorder) => recorder.heal(),
        }
    }

    /// The bytes of a manifest.
    pub(super) fn manifest(&self, repository: &str, tag: &str) -> Option<Bytes> {
        match self {
            Self::Fake(registry) => {
                let content = registry.content(repository);
                let digest = content.tags.get(tag)?;
                Some(content.manifests.get(digest)?.bytes.clone())
            }
            Self::Real(recorder) => found(recorder, &format!("/v2/{repository}/manifests/{tag}")),
        }
    }

    /// The bytes of a blob.
    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        match self {
            Self::Fake(registry) => registry.content(repository).blobs.get(digest).cloned(),
            Self::Real(recorder) => found(recorder, &format!("/v2/{repository}/blobs/{digest}")),
        }
    }
}

fn found(recorder: &Recorder, path: &str) -> Option<Bytes> {
    let answer = recorder.get(path);
    (answer.status == 200).then_some(answer.body)
}
