//! What README and docs show is what happens: every console command is checked, and those that need no network are run and their
//! output compared.

use std::path::Path;

use super::support::ferry::Ferry;
use super::support::tls::Tls;

/// Documents with console blocks.
const DOCUMENTS: [&str; 10] = [
    "README.md",
    "docs/kubernetes.md",
    "docs/logins.md",
    "docs/metrics.md",
    "docs/migrating.md",
    "docs/operations.md",
    "docs/registries.md",
    "docs/report.md",
    "docs/service.md",
    "examples/README.md",
];

/// A `$ command` of a console block and the lines below it.
struct Shown {
    document: &'static str,
    command: String,
    output: String,
}

fn shown(document: &'static str) -> Vec<Shown> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join(document)).unwrap();
    let mut found: Vec<Shown> = Vec::new();
    for block in text.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push(Shown {
                    document,
                    command: command.to_owned(),
                    output: String::new(),
                }),
                (None, Some(last)) => last.output.extend([line, "\n"]),
                (None, None) => panic!("{document}: output without a command: {line}"),
            }
        }
    }
    found
}

/// The arguments of a command of ours, without what belongs to the shell.
fn arguments(command: &str) -> Option<Vec<String>> {
    let rest = command
        .strip_prefix("cargo run --release -- ")
        .or_else(|| command.strip_prefix("chartferry "))?;
    let rest = rest.split(" >> ").next().unwrap();
    let mut quoted = false;
    let mut words = vec![String::new()];
    for c in rest.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    Some(words)
}

/// Times differ from run to run; everything else is the same.
fn without_times(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" after ") {
        Some((command, rest)) => {
            let (_, verdict) = rest.split_once(": ").unwrap_or(("", rest));
            format!("{command} after TIME: {verdict}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

/// Needs nothing but this repository: what is shown with its output, and no address of anybody.
fn runs_here(shown: &Shown) -> bool {
    !shown.output.is_empty() && !shown.command.contains("://")
}

#[test]
fn what_is_shown_is_what_happens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut ran = 0;
    for document in DOCUMENTS {
        // One after the other in one folder, as a reader would type them
        let ferry = Ferry::new().env("COLUMNS", "100");
        for name in ["examples", "config.example.toml"] {
            std::os::unix::fs::symlink(root.join(name), ferry.home().join(name)).unwrap();
        }
        for shown in shown(document).iter().filter(|shown| runs_here(shown)) {
            let args = arguments(&shown.command).expect("output is shown for our own commands only");
            let outcome = ferry.run(args).expect(0);
            let what = format!("{}: {}", shown.document, shown.command);
            assert_eq!(
                without_times(&outcome.stdout),
                without_times(&shown.output),
                "{what}"
            );
            ran += 1;
        }
    }
    assert!(ran >= 3, "only {ran} commands were run");
}

/// Commands for other people's hosts cannot be run, but every flag in them must exist.
#[test]
fn every_command_that_is_shown_parses() {
    let mut parsed = 0;
    for shown in DOCUMENTS.into_iter().flat_map(shown) {
        let Some(mut args) = arguments(&shown.command) else {
            continue;
        };
        args.push("--help".to_owned());
        let outcome = Ferry::new().run(&args);
        assert_eq!(
            outcome.code,
            Some(0),
            "{}: {}\n{}",
            shown.document,
            shown.command,
            outcome.stderr
        );
        parsed += 1;
    }
    assert!(parsed >= 15, "only {parsed} commands were parsed");
}

/// The door has two steps: one builds and runs the job, one passes all tests.
#[test]
fn the_first_two_commands_are_the_door() {
    let commands: Vec<String> = shown("README.md")
        .into_iter()
        .take(2)
        .map(|shown| shown.command)
        .collect();
    assert_eq!(
        commands[0],
        "cargo run --release -- migrate examples/charts-repo oci-layout:target/charts"
    );
    assert_eq!(commands[1], "scripts/test");
}

/// Every flag and every link that a document names is there.
#[test]
fn documents_name_only_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ferry = Ferry::new();
    let help: String = ["migrate", "plan", "verify", "doctor", "login"]
        .map(|command| [command, "--help"])
        .iter()
        .map(|args| ferry.run(*args).stdout)
        .collect();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for code in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("--"))
        {
            let flag = code.split([' ', '=', '\n']).next().unwrap();
            let known = [" ", "\n"]
                .iter()
                .any(|end| help.contains(&format!("{flag}{end}")));
            // The common beginning of a group of flags
            let group = flag.ends_with('-') && help.contains(flag);
            assert!(known || group, "{document}: `{flag}`");
        }
        let folder = root.join(document).parent().unwrap().to_path_buf();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(folder.join(file).exists(), "{document}: {link}");
            }
        }
    }
}

/// Every configuration that a document shows is one, once the files that it names are there.
#[test]
fn every_configuration_that_is_shown_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ferry = Ferry::new().env("GITHUB_TOKEN", "a-token");
    let home = ferry.home();
    Tls::new().write_authority(&home.join("ca.pem"));
    for (name, content) in [
        ("secret", "a password\n"),
        ("webhook", "https://hooks.example.com/x\n"),
    ] {
        std::fs::write(home.join(name), content).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.join(name), private).unwrap();
    }
    let mut checked = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let here: String = block
                .lines()
                .map(|line| match line.split_once(" = ") {
                    Some((key @ ("password_file" | "header_file"), _)) => format!("{key} = \"secret\"\n"),
                    Some((key @ "ca_file", _)) => format!("{key} = \"ca.pem\"\n"),
                    Some((key @ "url_file", _)) => format!("{key} = \"webhook\"\n"),
                    _ => format!("{line}\n"),
                })
                .collect();
            // A part that is about something else leaves the mirrors out.
            let mirror = "[[mirror]]\nname = \"prod-charts\"\nsource = \"https://charts.example.com\"\ntargets = [\"oci://r.example.com/c\"]\n";
            let rest = if here.contains("[[mirror]]") { "" } else { mirror };
            std::fs::write(home.join("config.toml"), here + rest).unwrap();
            let outcome = ferry.run(["config", "check", "config.toml"]).expect(0);
            assert_eq!(outcome.stderr, "", "{document}: {block}");
            checked += 1;
        }
    }
    assert!(checked >= 18, "only {checked} configurations were checked");
}
