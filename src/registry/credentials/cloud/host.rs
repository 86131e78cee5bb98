//! Whose registry a host is, by its name.

use crate::types::{ECR_PUBLIC, EcrHost};

/// A cloud with registries of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    Aws,
    Azure,
    Google,
}

impl Vendor {
    /// The cloud whose registries have names like `host`. A port is nobody's.
    pub(super) fn of(host: &str) -> Option<Self> {
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| !rest.is_empty());
        if EcrHost::parse(host).is_some() || host == ECR_PUBLIC {
            return Some(Self::Aws);
        }
        if [".azurecr.io", ".azurecr.cn", ".azurecr.us"]
            .into_iter()
            .any(below)
        {
            return Some(Self::Azure);
        }
        (host == "gcr.io" || below(".gcr.io") || below("-docker.pkg.dev")).then_some(Self::Google)
    }

    /// Its name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Azure",
            Self::Google => "Google",
        }
    }

    /// The feature that brings it.
    #[cfg(not(all(feature = "aws", feature = "azure", feature = "google")))]
    pub(super) fn feature(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "google",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_the_clouds_are_known_by_name() {
        for (host, vendor) in [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                Some(Vendor::Aws),
            ),
            (
                "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
                Some(Vendor::Aws),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                Some(Vendor::Aws),
            ),
            ("123456789012.dkr-ecr.us-west-2.on.aws", Some(Vendor::Aws)),
            ("123456789012.dkr-ecr-fips.us-west-2.on.aws", Some(Vendor::Aws)),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                Some(Vendor::Aws),
            ),
            ("public.ecr.aws", Some(Vendor::Aws)),
            ("acme.azurecr.io", Some(Vendor::Azure)),
            ("acme.azurecr.cn", Some(Vendor::Azure)),
            ("acme-eastus.azurecr.us", Some(Vendor::Azure)),
            ("europe-west1-docker.pkg.dev", Some(Vendor::Google)),
            ("gcr.io", Some(Vendor::Google)),
            ("eu.gcr.io", Some(Vendor::Google)),
            // Names that only look like them, where no login of a cloud may go
            ("12345678901.dkr.ecr.eu-central-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.io", None),
            ("123456789012.dkr.ecr.eu-central-1.evil.io", None),
            ("123456789012.dkr.ecr.x.y.amazonaws.com", None),
            ("123456789012.dkr-ecr.us-west-2.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu_central.amazonaws.com", None),
            ("evilazurecr.io", None),
            (".azurecr.io", None),
            ("azurecr.io", None),
            ("acme.azurecr.io:5000", None),
            ("evilgcr.io", None),
            ("pkg.dev", None),
            ("npm.pkg.dev", None),
            ("-docker.pkg.dev", None),
            ("public.ecr.aws.evil.io", None),
            ("docker.io", None),
            ("127.0.0.1:5000", None),
        ] {
            assert_eq!(Vendor::of(host), vendor, "{host}");
        }
    }
}
