//! Whose registry a host is, by its name.

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
        if Ecr::parse(host).is_some() || host == ECR_PUBLIC {
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

/// The public registry of AWS.
pub(super) const ECR_PUBLIC: &str = "public.ecr.aws";

/// The name of a private ECR registry, taken apart as Amazon's own credential helper does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "aws"),
    allow(dead_code, reason = "that it is one is all that matters then")
)]
pub(super) struct Ecr<'a> {
    pub(super) region: &'a str,
    pub(super) fips: bool,
    /// The form that is reached over IPv6 too.
    pub(super) dual: bool,
    /// What comes after the region.
    pub(super) domain: &'a str,
}

/// Domains of private registries, those of closed regions too.
const DOMAINS: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];
const DUAL_DOMAINS: [&str; 2] = ["on.aws", "on.amazonwebservices.com.cn"];

impl<'a> Ecr<'a> {
    pub(super) fn parse(host: &'a str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let dual = rest.starts_with("dkr-ecr");
        let rest = rest
            .strip_prefix("dkr")?
            .strip_prefix(['.', '-'])?
            .strip_prefix("ecr")?;
        let (fips, rest) = match rest.strip_prefix("-fips") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (region, domain) = rest.strip_prefix('.')?.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let is_region = region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && region.starts_with(|c: char| c.is_ascii_alphanumeric());
        let domains: &[&str] = if dual { &DUAL_DOMAINS } else { &DOMAINS };
        (is_account && is_region && domains.contains(&domain)).then_some(Self {
            region,
            fips,
            dual,
            domain,
        })
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
        let ecr = Ecr::parse("123456789012.dkr-ecr-fips.us-west-2.on.aws").unwrap();
        assert_eq!(
            (ecr.region, ecr.fips, ecr.dual, ecr.domain),
            ("us-west-2", true, true, "on.aws")
        );
    }
}
