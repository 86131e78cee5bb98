//! F20: names without an address, resolvers in trouble, and names with one dead address among others.

use std::net::IpAddr;

use crate::support::chart_repo::ChartRepo;
use crate::support::charts::Chart;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::names::{Names, Record, Reply};
use crate::support::registry::Registry;

const SOURCE: &str = "charts.f20.test";
const TARGET: &str = "registry.f20.test";
const SERVFAIL: Reply = Reply::Code(2);
const NXDOMAIN: Reply = Reply::Code(3);

struct Stage {
    source: ChartRepo,
    registry: Registry,
    ferry: Ferry,
}

impl Stage {
    fn new() -> Self {
        Self {
            source: ChartRepo::of(&[Chart::new("demo", "1.0.0")]),
            registry: Registry::start(),
            ferry: Ferry::new(),
        }
    }

    /// A migration in which both sides have names.
    fn run(&self, names: &Names) -> Outcome {
        let port = |host: String| host.rsplit_once(':').unwrap().1.to_owned();
        let source = format!("http://{SOURCE}:{}/charts", port(self.source.host()));
        let target = format!("oci://{TARGET}:{}/charts", port(self.registry.host()));
        let plain = self
            .ferry
            .command(["migrate", &source, &target, "--plain-http", "-o", "json"]);
        let output = names.wrap(self.ferry.home(), &plain).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Outcome {
            code: output.status.code(),
            report: serde_json::from_str(&stdout).ok(),
            stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn at(addresses: &[&str]) -> Reply {
    Reply::Addresses(
        addresses
            .iter()
            .map(|text| text.parse::<IpAddr>().unwrap())
            .collect(),
    )
}

fn here() -> Reply {
    at(&["127.0.0.1"])
}

/// The name server, or `None` and a word about it.
fn names(script: impl Fn(&str, Record, usize) -> Reply + Send + 'static) -> Option<Names> {
    let names = Names::start(script);
    if names.is_none() {
        eprintln!("skipped: F20: only root can run a program with another name server");
    }
    names
}

#[test]
fn f20_a_name_that_does_not_exist_is_asked_for_once() {
    for (gone, code, host) in [(SOURCE, 4, SOURCE), (TARGET, 5, TARGET)] {
        let Some(names) = names(move |name, _, _| if name == gone { NXDOMAIN } else { here() }) else {
            return;
        };
        let stage = Stage::new();
        let outcome = stage.run(&names).expect(code);
        let text = &outcome.stdout;
        assert!(text.contains(&format!("cannot resolve `{host}`")), "{text}");
        assert!(
            text.contains("the resolver says: ") && text.contains("name servers of this machine"),
            "{text}"
        );
        assert_eq!(names.count(gone, Record::A), 1, "{text}");
        assert_eq!(stage.registry.log().writes(), 0);
    }
}

#[test]
fn f20_a_resolver_in_trouble_is_asked_again() {
    for trouble in [SERVFAIL, Reply::Silence] {
        let first = trouble.clone();
        let script = move |_: &str, _: Record, before: usize| if before < 1 { first.clone() } else { here() };
        let Some(names) = names(script) else { return };
        let stage = Stage::new();
        stage.run(&names).expect(0);
        assert_eq!(stage.registry.tags(), ["charts/demo:1.0.0"], "{trouble:?}");
        for name in [SOURCE, TARGET] {
            assert!(names.count(name, Record::A) >= 2, "{trouble:?}");
        }
    }
}

#[test]
fn f20_a_resolver_that_stays_in_trouble_is_named() {
    let Some(names) = names(|name, _, _| if name == TARGET { SERVFAIL } else { here() }) else {
        return;
    };
    let stage = Stage::new();
    let outcome = stage.run(&names).expect(5);
    let text = &outcome.stdout;
    assert!(
        text.contains(&format!("cannot resolve `{TARGET}`: the resolver says: ")),
        "{text}"
    );
    assert!(names.count(TARGET, Record::A) > 1, "{text}");
}

/// Of several addresses one is enough, whatever kind the dead ones are of.
#[test]
fn f20_dead_addresses_are_passed_by() {
    for addresses in [
        // Nobody listens there
        &["::1", "127.0.0.1"][..],
        &["127.0.0.9", "127.0.0.1"],
        &["127.0.0.9", "::1", "127.0.0.1"],
    ] {
        let Some(names) = names(move |_, _, _| at(addresses)) else {
            return;
        };
        let stage = Stage::new();
        stage.run(&names).expect(0);
        assert_eq!(stage.registry.tags(), ["charts/demo:1.0.0"], "{addresses:?}");
    }
}

/// Name servers that choke on the one kind of record answer the other.
#[test]
fn f20_a_server_without_ipv6_answers_does_not_matter() {
    for broken in [SERVFAIL, NXDOMAIN, at(&[])] {
        let answer = broken.clone();
        let script = move |_: &str, record: Record, _: usize| match record {
            Record::A => here(),
            Record::Aaaa => answer.clone(),
        };
        let Some(names) = names(script) else { return };
        let stage = Stage::new();
        let outcome = stage.run(&names);
        assert_eq!(
            outcome.code,
            Some(0),
            "{broken:?}: {}{}",
            outcome.stdout,
            outcome.stderr
        );
    }
}
