//! Which token service may get a registry's credentials (reliability 4.3, A24 to A29).

use url::{Host, Url};

use super::RegistryError;
use crate::net::{redact, redact_text};

/// Registries whose customers get a subdomain each, though the public suffix list does not know: two of these have
/// nothing in common.
const SHARED: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "gcr.io",
    "jfrog.io",
    "on.aws",
    "pkg.dev",
];

/// The realm of a challenge, checked. `trusted` tells whether the user trusts a host with this registry's credentials.
pub(super) fn check(
    registry: &Url,
    realm: &str,
    with_secret: bool,
    trusted: impl Fn(&Url) -> bool,
) -> Result<Url, RegistryError> {
    let refuse = |why: String| RegistryError::Realm {
        registry: authority(registry),
        realm: redact_text(realm),
        why,
    };
    let mut url = Url::parse(realm).map_err(|_| refuse("it is no URL".to_owned()))?;
    url.set_fragment(None);
    let secure = url.scheme() == "https" || (url.scheme() == "http" && registry.scheme() == "http");
    if !secure {
        return Err(refuse("it is not https".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it holds a user name or a password".to_owned()));
    }
    let own = url.host() == registry.host() || shares_domain(registry, &url) || is_docker(registry, &url);
    if with_secret && !own && !trusted(&url) {
        let host = authority(&url);
        return Err(refuse(format!(
            "the token service is on another domain; if it belongs to the registry, add `{host}` to `trusted_realms` of the host (`--trusted-realm {host}`)"
        )));
    }
    Ok(url)
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_docker(registry: &Url, realm: &Url) -> bool {
    registry.host_str() == Some("registry-1.docker.io") && realm.host_str() == Some("auth.docker.io")
}

fn shares_domain(a: &Url, b: &Url) -> bool {
    match (a.host(), b.host()) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            registrable(a).is_some_and(|domain| registrable(b) == Some(domain))
        }
        _ => false,
    }
}

/// The part of a name that somebody registered, by the public suffix list; `None` where unsure, which only means that
/// `trusted_realms` has to say it.
///
/// The list is that of the crate `psl`, compiled in: a guess by the number of labels takes `a.kyoto.jp` and
/// `b.kyoto.jp` for one owner, and a list of our own would be out of date in the same way. It has no dependencies but
/// its types and is published as often as the list changes.
fn registrable(name: &str) -> Option<&str> {
    let name = name.trim_end_matches('.');
    let shared = |host: &str| name == host || name.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'));
    if SHARED.into_iter().any(shared) {
        return None;
    }
    psl::domain_str(name)
}

/// A realm for messages.
pub(super) fn shown(realm: &Url) -> String {
    redact(realm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(registry: &str, realm: &str) -> bool {
        let registry = Url::parse(registry).unwrap();
        check(&registry, realm, true, |url| url.host_str() == Some("sso.corp")).is_ok()
    }

    #[test]
    fn credentials_go_to_realms_of_the_same_domain_only() {
        for (registry, realm, good) in [
            ("https://r.io/", "https://r.io/token", true),
            (
                "https://registry.gitlab.com/",
                "https://gitlab.com/jwt/auth",
                true,
            ),
            ("https://registry.acme.co.uk/", "https://auth.acme.co.uk/t", true),
            ("https://registry.acme.co.uk/", "https://evil.co.uk/t", false),
            (
                "https://registry.acme.kyoto.jp/",
                "https://evil.kyoto.jp/t",
                false,
            ),
            ("https://r.acme.kyoto.jp/", "https://auth.acme.kyoto.jp/t", true),
            ("https://acme.github.io/", "https://evil.github.io/t", false),
            (
                "https://1.dkr.ecr.eu-west-1.amazonaws.com/",
                "https://2.dkr.ecr.eu-west-1.amazonaws.com/",
                false,
            ),
            (
                "https://eu-docker.pkg.dev/",
                "https://evil-docker.pkg.dev/token",
                false,
            ),
            ("https://r.acme.corp/", "https://auth.acme.corp/t", true),
            ("https://r.corp/", "https://evil.corp/t", false),
            ("https://co.uk/", "https://evil.co.uk/t", false),
            (
                "https://registry-1.docker.io/",
                "https://auth.docker.io/token",
                true,
            ),
            ("https://a.azurecr.io/", "https://a.azurecr.io/oauth2/token", true),
            (
                "https://a.azurecr.io/",
                "https://evil.azurecr.io/oauth2/token",
                false,
            ),
            ("https://r.io/", "https://evil.com/token", false),
            ("https://r.io/", "https://evil-r.io/token", false),
            ("https://r.corp/", "https://sso.corp/token", true),
            ("https://r.io/", "http://r.io/token", false),
            ("http://r.io/", "http://r.io/token", true),
            ("https://r.io/", "https://u:p@r.io/token", false),
            ("https://r.io/", "file:///etc/passwd", false),
            ("https://r.io/", "token", false),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true),
            ("https://10.0.0.1/", "https://10.0.0.2/token", false),
            ("https://registry/", "https://auth/token", false),
        ] {
            assert_eq!(allowed(registry, realm), good, "{registry} {realm}");
        }
    }

    #[test]
    fn anonymous_requests_have_nothing_to_lose() {
        let registry = Url::parse("https://r.io/").unwrap();
        assert!(check(&registry, "https://other.com/token", false, |_| false).is_ok());
        assert!(check(&registry, "http://other.com/token", false, |_| false).is_err());
    }

    #[test]
    fn the_list_of_our_own_holds_what_the_public_one_lacks() {
        for name in SHARED {
            let customer = format!("x.{name}");
            assert_eq!(
                psl::domain_str(&customer),
                Some(name),
                "the public list knows `{name}` by now"
            );
            assert_eq!(registrable(&customer), None);
        }
    }
}
