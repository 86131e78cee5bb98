//! Where states are kept if nobody says.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder below the user's state folder.
const OWN: &str = "chartferry";

/// `$STATE_DIRECTORY`, which a service manager sets; else `chartferry` in the XDG state folder. `None` if the
/// environment names neither.
///
/// Of several folders in `$STATE_DIRECTORY` the first counts. Under systemd's `DynamicUser=` it is a link that systemd
/// made, so links on the way to it are followed here, while [`StateFolder::open`](super::StateFolder::open) follows
/// none. Relative paths in the `XDG_` variables are ignored (XDG Base Directory Specification, "Environment variables").
pub fn default_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(folders) = set("STATE_DIRECTORY") {
        let first = std::env::split_paths(&folders)
            .next()
            .filter(|path| path.is_absolute());
        if let Some(first) = first {
            return Some(resolved(&first));
        }
    }
    let absolute = |name: &str| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    state.map(|state| state.join(OWN))
}

fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Option<PathBuf> {
        default_folder(|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_service_manager_comes_first() {
        for (variables, folder) in [
            (&[][..], None),
            (&[("HOME", "/home/u")], Some("/home/u/.local/state/chartferry")),
            (
                &[("HOME", "/home/u"), ("XDG_STATE_HOME", "/s")],
                Some("/s/chartferry"),
            ),
            (
                &[("HOME", "/home/u"), ("XDG_STATE_HOME", "relative")],
                Some("/home/u/.local/state/chartferry"),
            ),
            (
                &[("HOME", "/home/u"), ("STATE_DIRECTORY", "/nowhere/a:/nowhere/b")],
                Some("/nowhere/a"),
            ),
            (
                &[("HOME", "/home/u"), ("STATE_DIRECTORY", "")],
                Some("/home/u/.local/state/chartferry"),
            ),
        ] {
            assert_eq!(with(variables), folder.map(PathBuf::from), "{variables:?}");
        }
    }

    #[test]
    fn the_link_of_a_service_manager_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("private");
        std::fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(with(&[("STATE_DIRECTORY", link.to_str().unwrap())]), Some(real));
    }
}
