//! Chart.yaml as Helm holds it, and the config blob that Helm writes from it (helm-oci-format 1.3 to 1.6).

mod decode;
mod validate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use decode::{Draft, check_lock};

use super::json::{Json, Object, write_text};

/// The metadata of a chart after Helm's cleaning. Empty texts and lists are those that are absent too.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The name of the chart, which is the last component of the repository.
    pub name: String,
    /// The home page.
    pub home: String,
    /// URLs of sources; the first one becomes an annotation of the manifest.
    pub sources: Vec<String>,
    /// The version as written; a lenient semantic version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Search words.
    pub keywords: Vec<String>,
    /// The maintainers.
    pub maintainers: Vec<Maintainer>,
    /// URL of an icon, or a `data:` URI.
    pub icon: String,
    /// `v1`, `v2` or any other text; `v1` if Chart.yaml has none.
    pub api_version: String,
    /// Condition of a dependency.
    pub condition: String,
    /// Tags of a dependency.
    pub tags: String,
    /// The version of what the chart installs.
    pub app_version: String,
    /// Whether the chart is deprecated.
    pub deprecated: bool,
    /// Free annotations, in byte order of the keys.
    pub annotations: BTreeMap<String, String>,
    /// The range of Kubernetes versions.
    pub kube_version: String,
    /// The charts that this one needs.
    pub dependencies: Vec<Dependency>,
    /// `application`, `library` or empty.
    pub kind: String,
}

/// One maintainer of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Home page.
    pub url: String,
}

/// One dependency of a chart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The name of the other chart.
    pub name: String,
    /// A version or range.
    pub version: String,
    /// URL, alias or empty.
    pub repository: String,
    /// A path in the values that switches it.
    pub condition: String,
    /// Tags that switch it.
    pub tags: Vec<String>,
    /// Whether it is enabled; Helm writes it only at run time.
    pub enabled: bool,
    /// Which of its values are taken over.
    pub import_values: Vec<Json>,
    /// The name under which it is used.
    pub alias: String,
}

impl Metadata {
    /// The config blob: compact JSON with the members in Helm's order.
    pub fn to_config(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        let text = |out: &mut Vec<u8>, text: &String| write_text(out, text);
        let mut object = Object::open(&mut out);
        object.text_if("name", &self.name);
        object.text_if("home", &self.home);
        object.list_if("sources", &self.sources, text);
        object.text_if("version", &self.version);
        object.text_if("description", &self.description);
        object.list_if("keywords", &self.keywords, text);
        object.list_if("maintainers", &self.maintainers, Maintainer::write);
        object.text_if("icon", &self.icon);
        object.text_if("apiVersion", &self.api_version);
        object.text_if("condition", &self.condition);
        object.text_if("tags", &self.tags);
        object.text_if("appVersion", &self.app_version);
        object.true_if("deprecated", self.deprecated);
        if !self.annotations.is_empty() {
            let texts = self
                .annotations
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()));
            super::json::write_texts(object.key("annotations"), texts);
        }
        object.text_if("kubeVersion", &self.kube_version);
        object.list_if("dependencies", &self.dependencies, Dependency::write);
        object.text_if("type", &self.kind);
        object.close();
        out
    }
}

impl Maintainer {
    fn write(out: &mut Vec<u8>, maintainer: &Self) {
        let mut object = Object::open(out);
        object.text_if("name", &maintainer.name);
        object.text_if("email", &maintainer.email);
        object.text_if("url", &maintainer.url);
        object.close();
    }
}

impl Dependency {
    fn write(out: &mut Vec<u8>, dependency: &Self) {
        let mut object = Object::open(out);
        // Name and repository are written even when they are empty.
        object.text("name", &dependency.name);
        object.text_if("version", &dependency.version);
        object.text("repository", &dependency.repository);
        object.text_if("condition", &dependency.condition);
        object.list_if("tags", &dependency.tags, |out, tag| write_text(out, tag));
        object.true_if("enabled", dependency.enabled);
        object.list_if("import-values", &dependency.import_values, |out, value| {
            value.write(out);
        });
        object.text_if("alias", &dependency.alias);
        object.close();
    }
}
