//! What a registry runs or who runs it, as far as that makes a difference to who pushes: how deep names may be, and
//! what must be there before the first push (registries 3.2).

use super::{ECR_PUBLIC, EcrHost, OciTarget, RegistryHost};

/// A registry service or registry software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RegistryKind {
    /// Azure Container Registry.
    Acr,
    /// Artifactory.
    Artifactory,
    /// Cloudsmith.
    Cloudsmith,
    /// Docker Hub.
    DockerHub,
    /// Amazon ECR, a private registry.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// Google Artifact Registry.
    Gar,
    /// GitHub Container Registry.
    Ghcr,
    /// Gitea or Forgejo.
    Gitea,
    /// The container registry of GitLab.
    GitLab,
    /// Harbor.
    Harbor,
    /// IBM Cloud Container Registry.
    Ibm,
    /// Sonatype Nexus.
    Nexus,
    /// Quay and quay.io.
    Quay,
}

impl RegistryKind {
    /// All of them with their word in the configuration, in the order of the words.
    pub const WORDS: [(&str, Self); 14] = [
        ("acr", Self::Acr),
        ("artifactory", Self::Artifactory),
        ("cloudsmith", Self::Cloudsmith),
        ("docker-hub", Self::DockerHub),
        ("ecr", Self::Ecr),
        ("ecr-public", Self::EcrPublic),
        ("gar", Self::Gar),
        ("ghcr", Self::Ghcr),
        ("gitea", Self::Gitea),
        ("gitlab", Self::GitLab),
        ("harbor", Self::Harbor),
        ("ibm", Self::Ibm),
        ("nexus", Self::Nexus),
        ("quay", Self::Quay),
    ];

    /// Their words alone.
    pub const NAMES: [&str; Self::WORDS.len()] = {
        let mut names = [""; Self::WORDS.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = Self::WORDS[at].0;
            at += 1;
        }
        names
    };

    /// The meaning of a word of the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, kind)| *kind)
    }

    /// What a host's name alone tells: the services that have one. Software that people run themselves has any name.
    pub fn of_host(host: &RegistryHost) -> Option<Self> {
        let name = host.name();
        let under = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        Some(match name {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => Self::DockerHub,
            "ghcr.io" => Self::Ghcr,
            "quay.io" => Self::Quay,
            ECR_PUBLIC => Self::EcrPublic,
            "registry.gitlab.com" => Self::GitLab,
            "codeberg.org" => Self::Gitea,
            "docker.cloudsmith.io" => Self::Cloudsmith,
            "icr.io" => Self::Ibm,
            _ if EcrHost::parse(name).is_some() => Self::Ecr,
            _ if under("azurecr.io") || under("azurecr.cn") || under("azurecr.us") => Self::Acr,
            _ if name.ends_with("-docker.pkg.dev") => Self::Gar,
            _ if under("icr.io") => Self::Ibm,
            _ if under("jfrog.io") => Self::Artifactory,
            _ => return None,
        })
    }

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acr => "Azure Container Registry",
            Self::Artifactory => "Artifactory",
            Self::Cloudsmith => "Cloudsmith",
            Self::DockerHub => "Docker Hub",
            Self::Ecr => "Amazon ECR",
            Self::EcrPublic => "Amazon ECR Public",
            Self::Gar => "Google Artifact Registry",
            Self::Ghcr => "GitHub Container Registry",
            Self::Gitea => "Gitea",
            Self::GitLab => "GitLab",
            Self::Harbor => "Harbor",
            Self::Ibm => "IBM Cloud Container Registry",
            Self::Nexus => "Nexus",
            Self::Quay => "Quay",
        }
    }

    /// Whether a repository must exist before the first push, whatever the rights (registries 3.2). ECR may be told
    /// otherwise by a template, which only a push finds out.
    pub fn needs_repositories(self) -> bool {
        matches!(self, Self::Ecr | Self::EcrPublic)
    }

    /// How many levels a target must and may have in front of the chart's name, and what they are.
    fn levels(self) -> (usize, Option<usize>, &'static str) {
        match self {
            Self::DockerHub => (1, Some(1), "the namespace: `oci://docker.io/NAMESPACE`"),
            Self::EcrPublic => (1, None, "the alias: `oci://public.ecr.aws/ALIAS`"),
            Self::Ghcr => (1, None, "the owner: `oci://ghcr.io/OWNER`"),
            Self::Gar => (
                2,
                None,
                "project and repository: `oci://LOCATION-docker.pkg.dev/PROJECT/REPOSITORY`",
            ),
            Self::Cloudsmith => (
                2,
                None,
                "owner and repository: `oci://docker.cloudsmith.io/OWNER/REPOSITORY`",
            ),
            Self::GitLab => (2, None, "group and project: `oci://HOST/GROUP/PROJECT`"),
            Self::Harbor => (1, None, "the project: `oci://HOST/PROJECT`"),
            Self::Gitea => (1, None, "the owner: `oci://HOST/OWNER`"),
            Self::Quay => (1, None, "the organisation or user: `oci://HOST/ORGANISATION`"),
            Self::Ibm => (1, None, "the namespace: `oci://REGION.icr.io/NAMESPACE`"),
            Self::Acr | Self::Artifactory | Self::Ecr | Self::Nexus => (0, None, ""),
        }
    }

    /// Refuses a target whose path cannot hold charts at such a registry, before anything is asked of it: Docker Hub
    /// answers a third level with a misleading 401 (registries 3.2).
    pub fn check_target(self, target: &OciTarget) -> Result<(), String> {
        let (least, most, are) = self.levels();
        let prefix = target.prefix.as_ref();
        let found = prefix.map_or(0, |prefix| prefix.as_str().split('/').count());
        let what = if found < least {
            "too short"
        } else if most.is_some_and(|most| found > most) {
            "too long"
        } else {
            return Ok(());
        };
        Err(format!(
            "`{target}` is {what} for {}, which wants in front of the chart's name {are}",
            self.name()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> RegistryHost {
        RegistryHost::new(text).unwrap()
    }

    #[test]
    fn services_are_known_by_their_names() {
        use RegistryKind::{Acr, Artifactory, DockerHub, Ecr, EcrPublic, Gar, Ghcr, GitLab, Ibm, Quay};
        for (name, kind) in [
            ("docker.io", Some(DockerHub)),
            ("ghcr.io", Some(Ghcr)),
            ("quay.io", Some(Quay)),
            ("public.ecr.aws", Some(EcrPublic)),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(Ecr)),
            ("123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com", Some(Ecr)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Ecr)),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", Some(Ecr)),
            ("acme.azurecr.io", Some(Acr)),
            ("europe-west1-docker.pkg.dev", Some(Gar)),
            ("registry.gitlab.com", Some(GitLab)),
            ("de.icr.io", Some(Ibm)),
            ("acme.jfrog.io", Some(Artifactory)),
            ("azurecr.io", None),
            ("evil-azurecr.io", None),
            ("x.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.io", None),
            ("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", Some(Ecr)),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com:443", Some(Ecr)),
            ("123456789012.dkr.ecr.eu-west-1.example.com", None),
            ("registry.acme.io:5000", None),
        ] {
            assert_eq!(RegistryKind::of_host(&host(name)), kind, "{name}");
        }
    }

    #[test]
    fn a_path_that_cannot_hold_charts_is_refused() {
        for (target, good) in [
            ("oci://docker.io/acme", true),
            ("oci://docker.io", false),
            ("oci://docker.io/acme/charts", false),
            ("oci://ghcr.io", false),
            ("oci://ghcr.io/acme/charts/deep", true),
            ("oci://europe-west1-docker.pkg.dev/project", false),
            ("oci://europe-west1-docker.pkg.dev/project/charts", true),
            ("oci://registry.gitlab.com/group", false),
            ("oci://registry.gitlab.com/group/project", true),
            ("oci://123456789012.dkr.ecr.eu-west-1.amazonaws.com", true),
        ] {
            let target = OciTarget::parse(target).unwrap();
            let kind = RegistryKind::of_host(&target.host).unwrap();
            assert_eq!(kind.check_target(&target).is_ok(), good, "{target}");
        }
        let target = OciTarget::parse("oci://harbor.acme.io").unwrap();
        let refusal = RegistryKind::Harbor.check_target(&target).unwrap_err();
        assert!(refusal.contains("oci://HOST/PROJECT"), "{refusal}");
    }

    #[test]
    fn every_word_is_its_kind() {
        for (word, kind) in RegistryKind::WORDS {
            assert_eq!(RegistryKind::from_word(word), Some(kind));
        }
        assert!(RegistryKind::WORDS.is_sorted_by_key(|(word, _)| *word));
        assert_eq!(RegistryKind::from_word("unknown"), None);
    }
}
