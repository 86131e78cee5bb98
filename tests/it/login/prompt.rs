//! Questions on a terminal: asked there, answered there, and the password not shown.

use std::process::Stdio;

use super::*;
use crate::support::skip;
use crate::support::terminal::on_a_terminal;

fn answered(ferry: &Ferry, host: &str, answers: &str) -> Option<Outcome> {
    let child = on_a_terminal(&ferry.command(["login", host, "--plain-http", "-q"]))
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
    let Some(outcome) = answered(&ferry, &host, &format!("{USER}\n{PASSWORD}\n")) else {
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
