//! Questions on a terminal: asked there, answered there, and the password not shown.

use std::process::{Command, Stdio};

use super::*;
use crate::support::skip;

/// `script` gives a program a terminal of its own. Its two kinds take the command differently.
fn on_a_terminal(ferry: &Ferry, host: &str, answers: &str) -> Option<Outcome> {
    let inner = ferry.command(["login", host, "--plain-http", "-q"]);
    let mut script = Command::new("script");
    if cfg!(target_os = "macos") {
        script
            .args(["-q", "/dev/null"])
            .arg(inner.get_program())
            .args(inner.get_args());
    } else {
        let words: Vec<_> = std::iter::once(inner.get_program())
            .chain(inner.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        script.args(["-q", "-e", "-E", "always", "-c", &words.join(" "), "/dev/null"]);
    }
    script.env_clear().current_dir(ferry.home());
    for (name, value) in inner.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    let child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        skip("a login on a terminal", "there is no `script`");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    // Who types before being asked is echoed by the terminal itself
    for line in answers.lines() {
        std::thread::sleep(std::time::Duration::from_millis(700));
        writeln!(input, "{line}").unwrap();
    }
    let output = child.wait_with_output().unwrap();
    drop(input);
    Some(Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        report: None,
    })
}

#[test]
fn user_and_password_are_asked_for_and_the_password_is_not_shown() {
    let registry = Registry::with(|it| it.auth = Auth::basic(USER, PASSWORD));
    let (ferry, host) = (Ferry::new(), registry.host());
    let Some(outcome) = on_a_terminal(&ferry, &host, &format!("{USER}\n{PASSWORD}\n")) else {
        return;
    };
    let outcome = outcome.expect(0);
    outcome.assert_free_of(PASSWORD);
    for part in [
        format!("user name at {host}: "),
        format!("password of {USER} at {host}: "),
        "Login succeeded".to_owned(),
    ] {
        assert!(outcome.stdout.contains(&part), "{part}: {}", outcome.stdout);
    }
    let kept: serde_json::Value = serde_json::from_str(&store(&host, USER, PASSWORD)).unwrap();
    assert_eq!(json(&ferry.home().join(STORE)), kept);
}
