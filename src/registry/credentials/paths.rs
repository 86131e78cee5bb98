//! Where Helm, Docker and Podman keep credentials (helm-oci-format 7; containers-auth.json(5)).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

type Variables = BTreeMap<String, String>;

/// All of them take an empty variable for one that is not set.
fn set(variables: &Variables, name: &str) -> Option<PathBuf> {
    variables
        .get(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// A file that may hold credentials.
pub(super) struct Place {
    /// Whose it is.
    pub(super) owner: &'static str,
    pub(super) path: PathBuf,
    /// Its keys may be namespaces and repositories (Podman's), not hosts alone.
    pub(super) namespaces: bool,
}

/// All of them in the order in which they are asked. `registry_config` stands for Helm's store.
pub(super) fn all(variables: &Variables, registry_config: Option<&Path>) -> Vec<Place> {
    let helm = registry_config.map(Path::to_owned).or_else(|| helm(variables));
    let near = [("Helm's", helm), ("Docker's", docker(variables))];
    let near = near.into_iter().filter_map(|(owner, path)| {
        Some(Place {
            owner,
            path: path?,
            namespaces: false,
        })
    });
    let podman = podman(variables).into_iter().map(|path| Place {
        owner: "Podman's",
        path,
        namespaces: true,
    });
    near.chain(podman).collect()
}

/// Helm's store.
pub(super) fn helm(variables: &Variables) -> Option<PathBuf> {
    set(variables, "HELM_REGISTRY_CONFIG").or_else(|| {
        set(variables, "HELM_CONFIG_HOME")
            .or_else(|| set(variables, "XDG_CONFIG_HOME").map(|home| home.join("helm")))
            .or_else(|| set(variables, "HOME").map(|home| home.join(HELM_HOME)))
            .map(|home| home.join("registry/config.json"))
    })
}

/// Helm's folder below the home folder.
const HELM_HOME: &str = if cfg!(target_os = "macos") {
    "Library/Preferences/helm"
} else {
    ".config/helm"
};

/// Docker's store.
fn docker(variables: &Variables) -> Option<PathBuf> {
    set(variables, "DOCKER_CONFIG")
        .or_else(|| set(variables, "HOME").map(|home| home.join(".docker")))
        .map(|home| home.join("config.json"))
}

/// Podman's stores: the first is the one that `podman login` writes. A file that the variable names stands alone.
pub(super) fn podman(variables: &Variables) -> Vec<PathBuf> {
    if let Some(path) = set(variables, "REGISTRY_AUTH_FILE") {
        return vec![path];
    }
    let home = set(variables, "HOME").map(|home| home.join(".config"));
    let lasting = set(variables, "XDG_CONFIG_HOME").or(home);
    // The runtime folder is Linux's: the login goes with the session.
    let runtime = cfg!(target_os = "linux").then(|| {
        let user = rustix::process::getuid().as_raw();
        set(variables, "XDG_RUNTIME_DIR").map_or_else(
            || PathBuf::from(format!("/run/containers/{user}/auth.json")),
            |folder| folder.join(PODMAN),
        )
    });
    let lasting = lasting.map(|folder| folder.join(PODMAN));
    runtime.into_iter().chain(lasting).collect()
}

const PODMAN: &str = "containers/auth.json";

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_nearest_variable_wins() {
        let all = [
            ("HELM_REGISTRY_CONFIG", "/a.json"),
            ("HELM_CONFIG_HOME", "/b"),
            ("XDG_CONFIG_HOME", "/c"),
            ("HOME", "/d"),
            ("DOCKER_CONFIG", "/e"),
        ];
        let home = format!("/d/{HELM_HOME}/registry/config.json");
        let wanted = [
            "/a.json",
            "/b/registry/config.json",
            "/c/helm/registry/config.json",
            &home,
        ];
        for (index, wanted) in wanted.into_iter().enumerate() {
            assert_eq!(helm(&variables(&all[index..])), Some(wanted.into()));
        }
        assert_eq!(helm(&variables(&all[4..])), None);
        assert_eq!(
            helm(&variables(&[("HELM_REGISTRY_CONFIG", ""), ("HOME", "/d")])),
            Some(home.into())
        );
        assert_eq!(docker(&variables(&all)), Some("/e/config.json".into()));
        assert_eq!(
            docker(&variables(&all[..4])),
            Some("/d/.docker/config.json".into())
        );
        assert_eq!(docker(&variables(&all[..3])), None);
    }
    #[test]
    fn podman_has_a_file_for_the_session_and_one_that_stays() {
        let all = [
            ("REGISTRY_AUTH_FILE", "/a.json"),
            ("XDG_RUNTIME_DIR", "/b"),
            ("XDG_CONFIG_HOME", "/c"),
            ("HOME", "/d"),
        ];
        let session = |path: &str| cfg!(target_os = "linux").then(|| PathBuf::from(path));
        let with = |first: Option<PathBuf>, second: &str| -> Vec<PathBuf> {
            first.into_iter().chain([second.into()]).collect()
        };
        assert_eq!(podman(&variables(&all)), [PathBuf::from("/a.json")]);
        assert_eq!(
            podman(&variables(&all[1..])),
            with(session("/b/containers/auth.json"), "/c/containers/auth.json")
        );
        let user = rustix::process::getuid().as_raw();
        assert_eq!(
            podman(&variables(&all[3..])),
            with(
                session(&format!("/run/containers/{user}/auth.json")),
                "/d/.config/containers/auth.json"
            )
        );
    }
}
