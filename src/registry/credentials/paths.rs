//! Where Helm and Docker keep credentials (helm-oci-format 7).

use std::collections::BTreeMap;
use std::path::PathBuf;

type Variables = BTreeMap<String, String>;

/// Both programs take an empty variable for one that is not set.
fn set(variables: &Variables, name: &str) -> Option<PathBuf> {
    variables
        .get(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
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
pub(super) fn docker(variables: &Variables) -> Option<PathBuf> {
    set(variables, "DOCKER_CONFIG")
        .or_else(|| set(variables, "HOME").map(|home| home.join(".docker")))
        .map(|home| home.join("config.json"))
}

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
}
