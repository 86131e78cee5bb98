//! Host names of Amazon ECR: whoever has to know one asks here, since a login and the pace of pushes depend on it.

use super::RegistryHost;

/// The host of Amazon ECR Public.
pub const ECR_PUBLIC: &str = "public.ecr.aws";

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

/// The name of a private ECR registry, taken apart as Amazon's own credential helper does:
/// `<account>.dkr.ecr[-fips].<region>.<domain>` or `<account>.dkr-ecr[-fips].<region>.<domain>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcrHost<'a> {
    /// Where it is.
    pub region: &'a str,
    /// Its cryptography follows FIPS.
    pub fips: bool,
    /// The form that is reached over IPv6 too.
    pub dual: bool,
    /// What comes after the region.
    pub domain: &'a str,
}

impl<'a> EcrHost<'a> {
    /// The parts of a name without a port; `None` if it is not one of ECR's.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (account, rest) = name.split_once('.')?;
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

    /// The same of a host, whatever its port.
    pub fn of(host: &'a RegistryHost) -> Option<Self> {
        Self::parse(host.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_registries_are_known_by_the_whole_name() {
        for (name, region) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some("eu-west-1")),
            (
                "123456789012.dkr.ecr-fips.us-gov-east-1.amazonaws.com",
                Some("us-gov-east-1"),
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn:443",
                Some("cn-north-1"),
            ),
            (
                "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
                Some("eusc-de-east-1"),
            ),
            (
                "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
                Some("us-iso-east-1"),
            ),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", Some("eu-west-1")),
            ("123456789012.dkr-ecr-fips.us-west-2.on.aws", Some("us-west-2")),
            // Names that only look like them
            ("1.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("x.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.io", None),
            ("123456789012.dkr.ecr.eu-west-1.example.com", None),
            ("123456789012.dkr.ecr.x.y.amazonaws.com", None),
            ("123456789012.dkr-ecr.us-west-2.amazonaws.com", None),
            ("123456789012.dkr.ecr.on.aws", None),
            ("dkr.ecr.example.com", None),
            (ECR_PUBLIC, None),
        ] {
            let host = RegistryHost::new(name).unwrap();
            assert_eq!(EcrHost::of(&host).map(|ecr| ecr.region), region, "{name}");
        }
        let ecr = EcrHost::parse("123456789012.dkr-ecr-fips.us-west-2.on.aws").unwrap();
        assert_eq!(
            (ecr.region, ecr.fips, ecr.dual, ecr.domain),
            ("us-west-2", true, true, "on.aws")
        );
    }
}
