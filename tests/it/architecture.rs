//! Keeps the picture in `src/lib.rs` true: which module may use which, which crates have a fence, how large a file may grow.
//!
//! It reads the source as text, without comments, strings and test code. What it cannot see, such as a re-export under another
//! name, is for review.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A module and the modules of ours that it may use. Dependencies only point down; a module that is not here may use nothing.
const STRATA: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("certificate", &[]),
    ("helm", &["types"]),
    ("notice", &[]),
    ("payload", &["types"]),
    ("report", &["types"]),
    ("schedule", &[]),
    ("secret", &["types"]),
    ("progress", &["report", "types"]),
    ("state", &["report", "types"]),
    ("artifact", &["helm", "types"]),
    ("plan", &["helm", "report", "types"]),
    ("net", &["payload", "types"]),
    ("layout", &["payload", "types"]),
    ("registry", &["net", "payload", "secret", "types"]),
    ("source", &["helm", "layout", "net", "payload", "types"]),
    (
        "config",
        &[
            "certificate",
            "helm",
            "notice",
            "plan",
            "schedule",
            "secret",
            "types",
        ],
    ),
    ("target", &["layout", "net", "payload", "registry", "types"]),
    (
        "transfer",
        &[
            "artifact", "helm", "layout", "net", "payload", "plan", "progress", "registry", "report",
            "source", "target", "types",
        ],
    ),
    (
        "run",
        &[
            "artifact", "helm", "layout", "net", "payload", "plan", "progress", "registry", "report",
            "source", "state", "target", "transfer", "types",
        ],
    ),
    (
        "doctor",
        &[
            "artifact",
            "certificate",
            "helm",
            "layout",
            "net",
            "payload",
            "plan",
            "registry",
            "report",
            "run",
            "source",
            "transfer",
            "types",
        ],
    ),
    (
        "service",
        &[
            "net", "notice", "payload", "progress", "report", "run", "schedule", "secret", "state",
            "transfer", "types",
        ],
    ),
    (
        "cli",
        &[
            "artifact", "config", "doctor", "helm", "layout", "net", "notice", "payload", "plan", "progress",
            "registry", "report", "run", "schedule", "secret", "service", "source", "state", "target",
            "transfer", "types",
        ],
    ),
];

/// A crate, or a path in one, and the only files that may name it: beginnings of paths below `src`.
const FENCES: &[(&str, &[&str])] = &[
    ("indicatif", &["cli/"]),
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("anyhow", &["cli/", "main.rs"]),
    ("tracing_subscriber", &["cli/", "main.rs"]),
    ("saphyr_parser", &["helm/index"]),
    ("libyaml_safer", &["helm/yaml", "helm/index"]),
    ("pgp", &["helm/provenance"]),
    ("toml", &["config/"]),
    ("docker_credential", &["registry/credentials"]),
    ("aws_lc_rs", &["registry/credentials/cloud/"]),
    ("rustls_pki_types", &["registry/credentials/cloud/"]),
    ("psl", &["registry/realm"]),
    ("rpassword", &["cli/prompt"]),
    // A clock that may jump: nothing that waits or expires goes by it (reliability F19)
    ("SystemTime::now", &["net/send"]),
    ("rustls", &["net/"]),
    ("reqwest::Client", &["net/", "net.rs"]),
    ("reqwest::ClientBuilder", &["net/", "net.rs"]),
    ("oci_client", &["helm/manifest"]),
    // `net/testing` is a server for unit tests
    ("axum", &["service/http", "net/testing"]),
    ("hyper", &["service/http/connections"]),
    ("hyper_util", &["service/http/connections"]),
    ("subtle", &["service/http/token"]),
    ("maud", &["service/page"]),
    ("prometheus_client", &["service/metrics"]),
    ("kube", &["service/lease"]),
    ("k8s_openapi", &["service/lease"]),
    ("cron", &["schedule/crontab"]),
    ("chrono_tz", &["schedule/zone"]),
    ("x509_parser", &["certificate"]),
    ("tar", &["helm/", "source/"]),
    ("flate2", &["helm/", "source/", "net/"]),
];

/// Modules that are pure, by name or path: what they must not name.
const PURE: &[&str] = &[
    "helm",
    "plan",
    "artifact",
    "certificate",
    "report",
    "schedule",
    "service/lease/protocol",
    "state",
    "types",
];
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "Utc::now",
    "Local::now",
    "SystemTime::now",
    "Instant::now",
    "std::net::TcpStream",
];

/// Words that print; only `cli` and `main.rs` may.
const PRINTING: &[&str] = &["println!", "print!", "eprintln!", "eprint!"];

/// Most lines of a file, without its tests.
const LINES: usize = 600;

struct File {
    /// Relative to `src`, with `/`.
    path: String,
    /// First component: `helm/yaml.rs` and `helm.rs` are both `helm`.
    module: String,
    /// Without comments, string contents and test modules.
    code: String,
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for file in sources() {
        if matches!(file.module.as_str(), "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = STRATA.iter().find(|(module, _)| *module == file.module) else {
            wrong.push(format!(
                "{}: the module `{}` is not in STRATA",
                file.path, file.module
            ));
            continue;
        };
        for used in modules_used(&file.code) {
            if used != file.module && !allowed.contains(&used.as_str()) {
                wrong.push(format!(
                    "{}: `{}` must not use `crate::{used}`, only {allowed:?}",
                    file.path, file.module
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn strata_have_no_way_back_up() {
    for (at, (module, below)) in STRATA.iter().enumerate() {
        for used in *below {
            assert!(
                STRATA[..at].iter().any(|(earlier, _)| earlier == used),
                "`{module}` uses `{used}`, which is not below it"
            );
        }
    }
}

#[test]
fn fenced_crates_stay_behind_their_fence() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (name, homes) in FENCES {
            let at_home = homes.iter().any(|home| file.path.starts_with(home));
            if !at_home && names(&file.code, name) {
                wrong.push(format!("{}: `{name}` belongs in {homes:?} only", file.path));
            }
        }
        let may_print = file.path.starts_with("cli/") || file.path == "main.rs";
        for word in PRINTING.iter().filter(|_| !may_print) {
            if names(&file.code, word) {
                wrong.push(format!("{}: `{word}` belongs in cli only", file.path));
            }
        }
        for word in IMPURE {
            let pure = PURE
                .iter()
                .find(|pure| **pure == file.module || (pure.contains('/') && file.path.starts_with(**pure)));
            if let Some(pure) = pure.filter(|_| names(&file.code, word)) {
                wrong.push(format!(
                    "{}: `{pure}` is pure and must not name `{word}`",
                    file.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    let src = root().join("src");
    for path in rust_files(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        if tests_only(relative) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let shown = relative.display();
        let lines = without_tests(&text).lines().count();
        if lines > LINES {
            wrong.push(format!("{shown}: {lines} lines without tests, at most {LINES}"));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{shown}: does not begin with `//!`"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Unit tests in files of their own: `x/tests.rs` or below `x/tests/`.
fn tests_only(path: &Path) -> bool {
    path.with_extension("")
        .components()
        .any(|part| part.as_os_str() == "tests")
}

/// Every file but those that hold only tests.
fn sources() -> Vec<File> {
    let src = root().join("src");
    let files = rust_files(&src).into_iter().filter_map(|path| {
        let relative = path
            .strip_prefix(&src)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let tests_only = tests_only(Path::new(&relative));
        let text = std::fs::read_to_string(&path).unwrap();
        let first = relative.split('/').next().unwrap().to_owned();
        (!tests_only).then(|| File {
            module: first.trim_end_matches(".rs").to_owned(),
            code: without_text(&without_tests(&text)),
            path: relative,
        })
    });
    files.collect()
}

/// Cuts the test module, which by the house rules ends the file.
fn without_tests(text: &str) -> String {
    let end = text
        .find("\n#[cfg(test)]\nmod ")
        .or_else(|| text.find("\n#[cfg(test)]\n#["))
        .unwrap_or(text.len());
    text[..end].to_owned()
}

/// Blanks comments and the contents of string literals.
fn without_text(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(next) = rest.find(['"', '/', '\'']) {
        out.push_str(&rest[..next]);
        let here = &rest[next..];
        let skipped = if here.starts_with("//") {
            here.find('\n').unwrap_or(here.len())
        } else if here.starts_with("/*") {
            here.find("*/").map_or(here.len(), |end| end + 2)
        } else if here.starts_with('"') {
            out.push('"');
            literal(here, out.trim_end_matches('"'))
        } else if here.starts_with("'\"'") || here.starts_with("'/'") {
            3
        } else {
            out.push_str(&here[..1]);
            1
        };
        rest = &here[skipped..];
    }
    out + rest
}

/// Length of the string literal at the start of `here`, raw or not.
fn literal(here: &str, before: &str) -> usize {
    let hashes = before.len() - before.trim_end_matches('#').len();
    if before[..before.len() - hashes].ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        return here[1..].find(&end).map_or(here.len(), |at| at + 1 + end.len());
    }
    let mut escaped = false;
    for (at, c) in here.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    here.len()
}

/// Whether `name` stands in `code` as a word of its own: `toml` is not in `toml_path`.
fn names(code: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        let whole = !before.is_some_and(word) && !after.is_some_and(word);
        // A crate is named by a path or a `use`; `tar` alone may be a variable
        let path = name.contains([':', '!']) || code[at + name.len()..].starts_with("::");
        let own = before == Some('.') || code[..at].ends_with("crate::");
        let inner = code[..at].ends_with("::") && !name.contains(':') && !code[..at].ends_with(" ::");
        whole && path && !own && !inner
    })
}

/// The modules behind every `crate::x`, also in `use crate::{a, b::{c, d}}`.
fn modules_used(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => used.extend(group_heads(group)),
            None => used.extend(head(rest)),
        }
    }
    used
}

/// A leading lower-case identifier: modules are in lower case, types and constants are not.
fn head(text: &str) -> Option<String> {
    let word: String = text
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let module = word.chars().next().is_some_and(char::is_lowercase) && word != "self";
    module.then_some(word)
}

/// The first words of a brace group's members, up to the brace that closes it.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads: Vec<String> = head(group).into_iter().collect();
    let mut depth = 0_usize;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(head(&group[at + 1..])),
            _ => {}
        }
    }
    heads
}

#[test]
fn the_reader_sees_what_it_must_and_nothing_else() {
    let code = without_text(
        "use crate::{helm, plan::{Filter, net}, types::Tag};\n// crate::cli\nlet a = \"crate::run /* \"; let b = '\"'; crate::report::x();\nlet c = r#\"crate::state \"quoted\"\"#; let d: &'static str; /* crate::layout */ tar::Archive::new()",
    );
    let used: Vec<_> = modules_used(&code).into_iter().collect();
    assert_eq!(used, ["helm", "plan", "report", "types"], "{code}");
    assert!(names(&code, "tar"));
    assert!(!names(
        "let tar = 1; self.tar::<u8>(); my_tar::x(); crate::tar::y()",
        "tar"
    ));
    assert!(names("use toml::Value", "toml") && !names("use config::toml::Value", "toml"));
    assert!(names("let x = Utc::now()", "Utc::now") && !names("x.println!", "println!"));
    assert_eq!(
        without_tests("a\n#[cfg(test)]\nmod tests {\n crate::cli\n}\n").trim(),
        "a"
    );
}
