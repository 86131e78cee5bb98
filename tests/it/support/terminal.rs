//! A program on a terminal of its own.

use std::process::Command;

/// The command under `script`, which gives a program a terminal and ends as it does. Its two kinds take the command differently.
pub(crate) fn on_a_terminal(inner: &Command) -> Command {
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
    script.env_clear().current_dir(inner.get_current_dir().unwrap());
    for (name, value) in inner.get_envs() {
        script.env(name, value.unwrap_or_default());
    }
    script
}
