//! How people create what is missing, per registry: the end of the sentence that says that it is (registries 3.2 and 4).

use url::Url;

use crate::registry::transport::Transport;
use crate::types::{EcrHost, RegistryHost, RegistryKind};

/// Where chartferry has a call for it.
const OURS: &str = ", and so does `create_repositories = true` (`--create-repositories`)";

/// What to do about a missing repository, as a clause. `repository` is its path at the registry; `tried`: chartferry was
/// to create it already, so that this is no advice any more.
pub(in crate::registry) fn how(transport: &Transport, repository: &str, tried: bool) -> String {
    by_kind(
        transport.kind(),
        &transport.host,
        transport.base(),
        repository,
        tried,
    )
}

fn by_kind(
    kind: Option<RegistryKind>,
    host: &RegistryHost,
    base: &Url,
    repository: &str,
    tried: bool,
) -> String {
    let ours = if tried { "" } else { OURS };
    let first = repository.split('/').next().unwrap_or_default();
    let second = repository.split('/').nth(1).unwrap_or("REPOSITORY");
    match kind {
        Some(RegistryKind::Ecr) => {
            let region = EcrHost::of(host).map_or("REGION", |ecr| ecr.region);
            format!(
                "`aws ecr create-repository --region {region} --repository-name {repository}` creates it{ours}; a repository creation template for `CREATE_ON_PUSH` lets pushes do it"
            )
        }
        Some(RegistryKind::EcrPublic) => {
            let name = repository.split_once('/').map_or(repository, |(_, name)| name);
            format!(
                "`aws ecr-public create-repository --region us-east-1 --repository-name {name}` creates it"
            )
        }
        Some(RegistryKind::Gar) => {
            let location = host.as_str().strip_suffix("-docker.pkg.dev").unwrap_or("LOCATION");
            format!(
                "`gcloud artifacts repositories create {second} --project={first} --location={location} --repository-format=docker` creates the repository `{second}`, below which a push needs nothing but `roles/artifactregistry.writer`"
            )
        }
        Some(RegistryKind::Harbor) => format!(
            "the project `{first}` must exist and the account be able to push to it: `curl -u USER -H 'Content-Type: application/json' -d '{{\"project_name\":\"{first}\"}}' {base}api/v2.0/projects` creates it{ours}"
        ),
        Some(RegistryKind::GitLab) => format!(
            "the project must exist (`glab repo create {first}/{second}`), at most two levels may follow it, and the token needs `write_registry`"
        ),
        Some(RegistryKind::Gitea) => format!(
            "the owner `{first}` must exist, and the token needs the right to write packages of it"
        ),
        Some(RegistryKind::Ghcr) => format!(
            "a push creates it if the token may write packages of `{first}` (`write:packages`, in GitHub Actions `permissions: packages: write`) and the organisation lets its members create packages"
        ),
        Some(RegistryKind::DockerHub) => format!(
            "a push creates it if `{first}` is the account's own namespace or an organisation in which it may create repositories"
        ),
        Some(RegistryKind::Quay) if tried => format!(
            "who has an account at `{base}` can create the organisation `{first}` there by hand"
        ),
        Some(RegistryKind::Quay) => format!(
            "a push creates it if the organisation or user `{first}` exists and the account may create repositories there (a robot: by a team with the role `creator`); `create_repositories = true` (`--create-repositories`) creates the organisation, with a login as `$oauthtoken`"
        ),
        Some(RegistryKind::Acr) => {
            "a push creates it if the account has the role `AcrPush`, or in a registry with ABAC `Container Registry Repository Contributor`".to_owned()
        }
        Some(RegistryKind::Artifactory) => format!(
            "a repository with the key `{first}` must exist: `curl -u USER -X PUT -H 'Content-Type: application/json' -d '{{\"rclass\":\"local\",\"packageType\":\"oci\"}}' {base}artifactory/api/repositories/{first}` creates it"
        ),
        Some(RegistryKind::Nexus) => {
            "a hosted Docker repository must exist for this port or path, and the account be able to write to it".to_owned()
        }
        Some(RegistryKind::Cloudsmith) => {
            format!("`cloudsmith repositories create {first} repo.json`, with `{{\"name\":\"{second}\"}}` in it, creates the repository `{second}`")
        }
        Some(RegistryKind::Ibm) => format!("`ibmcloud cr namespace-add {first}` creates the namespace"),
        None => "create the repository (or its project or namespace) first, or give the account the right to create it by a push; `kind` of the `[[host]]` says what registry this is".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_hand(kind: RegistryKind, host: &RegistryHost, repository: &str) -> String {
        let base = Url::parse(&format!("https://{host}/")).unwrap();
        by_kind(Some(kind), host, &base, repository, false)
    }

    #[test]
    fn every_kind_has_its_way() {
        let ecr = RegistryHost::new("123456789012.dkr.ecr.eu-west-1.amazonaws.com").unwrap();
        let text = by_hand(RegistryKind::Ecr, &ecr, "charts/alpha");
        assert!(
            text.contains("--region eu-west-1 --repository-name charts/alpha`"),
            "{text}"
        );
        let public = RegistryHost::new("public.ecr.aws").unwrap();
        let text = by_hand(RegistryKind::EcrPublic, &public, "acme/charts/alpha");
        assert!(text.contains("--repository-name charts/alpha`"), "{text}");
        let gar = RegistryHost::new("europe-west1-docker.pkg.dev").unwrap();
        let text = by_hand(RegistryKind::Gar, &gar, "project/charts/alpha");
        assert!(
            text.contains("create charts --project=project --location=europe-west1 "),
            "{text}"
        );
        let host = RegistryHost::new("r.acme.io").unwrap();
        for (_, kind) in RegistryKind::WORDS {
            let text = by_hand(kind, &host, "one/two/three");
            assert!(!text.ends_with('.') && text.len() > 40, "{kind:?}: {text}");
            let creates = matches!(
                kind,
                RegistryKind::Ecr | RegistryKind::Harbor | RegistryKind::Quay
            );
            assert_eq!(text.contains("create_repositories"), creates, "{kind:?}");
        }
    }

    /// What has just failed is no advice, and what is advised goes where the registry is.
    #[test]
    fn who_tried_is_not_told_to_try() {
        let host = RegistryHost::new("r.acme.io:8080").unwrap();
        let base = Url::parse("http://r.acme.io:8080/").unwrap();
        for (_, kind) in RegistryKind::WORDS {
            for tried in [false, true] {
                let text = by_kind(Some(kind), &host, &base, "one/two/three", tried);
                assert!(!text.contains("https://"), "{kind:?}: {text}");
                assert!(
                    !tried || !text.contains("create_repositories"),
                    "{kind:?}: {text}"
                );
            }
        }
        let text = by_kind(Some(RegistryKind::Harbor), &host, &base, "one/two", true);
        assert!(
            text.contains("http://r.acme.io:8080/api/v2.0/projects` creates it"),
            "{text}"
        );
    }
}
