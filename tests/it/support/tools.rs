//! Finds the real programs that `scripts/tools` installs, by the rule that stands there.

use std::path::PathBuf;

use super::skip;

/// A program of `scripts/tools`, or a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Helm3,
    Helm4,
    Distribution3,
    Distribution28,
    Ggcr,
    Promtool,
    Kubeconform,
    KubernetesOldest,
    KubernetesNewest,
    PrometheusOperator,
}

impl Tool {
    const ALL: [Self; 10] = [
        Self::Helm3,
        Self::Helm4,
        Self::Distribution3,
        Self::Distribution28,
        Self::Ggcr,
        Self::Promtool,
        Self::Kubeconform,
        Self::KubernetesOldest,
        Self::KubernetesNewest,
        Self::PrometheusOperator,
    ];

    /// Its name in `scripts/tools`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Helm3 => "helm3",
            Self::Helm4 => "helm4",
            Self::Distribution3 => "distribution3",
            Self::Distribution28 => "distribution28",
            Self::Ggcr => "ggcr",
            Self::Promtool => "promtool",
            Self::Kubeconform => "kubeconform",
            Self::KubernetesOldest => "kubernetes_oldest",
            Self::KubernetesNewest => "kubernetes_newest",
            Self::PrometheusOperator => "prometheus_operator",
        }
    }

    /// `<name>-<version>/<file>`.
    fn path(self) -> &'static str {
        match self {
            Self::Helm3 => "helm-3.22.0/helm",
            Self::Helm4 => "helm-4.3.1/helm",
            Self::Distribution3 => "distribution-3.1.2/registry",
            Self::Distribution28 => "distribution-2.8/docker-registry",
            Self::Ggcr => "ggcr-0.22.1/registry",
            Self::Promtool => "promtool-2.42/promtool",
            Self::Kubeconform => "kubeconform-0.8.0/kubeconform",
            Self::KubernetesOldest => "kubernetes-1.29.6/swagger.json",
            Self::KubernetesNewest => "kubernetes-1.37.2/swagger.json",
            Self::PrometheusOperator => "prometheus-operator-0.85.0/crds.yaml",
        }
    }

    /// The file; without it the test says what it lacks and is to return.
    pub(crate) fn find(self) -> Option<PathBuf> {
        let path = folder().join(self.path());
        if path.is_file() {
            return Some(path);
        }
        let missing = format!("`{}` is not there; run `scripts/tools`", path.display());
        skip(&format!("a test with {}", self.name()), &missing);
        None
    }
}

fn folder() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("CHARTFERRY_TOOLS").unwrap_or_else(|| {
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .unwrap_or_default()
            .join("chartferry/tools")
    })
}

#[test]
fn the_script_installs_what_the_tests_look_for() {
    let script = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/tools")).unwrap();
    for tool in Tool::ALL {
        let (folder, binary) = tool.path().split_once('/').unwrap();
        let (stem, version) = folder.rsplit_once('-').unwrap();
        let variable = tool.name();
        let pinned = format!("readonly {variable}_version={version}");
        let placed = format!("{variable}) echo \"$folder/{stem}-${variable}_version/{binary}\"");
        assert!(script.contains(&pinned), "scripts/tools lacks `{pinned}`");
        assert!(script.contains(&placed), "scripts/tools lacks `{placed}`");
    }
}
