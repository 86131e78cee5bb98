//! What a certificate says of itself: whose it is, who gave it, for which names, until when (RFC 5280, 4.1).
//!
//! Nothing is verified here: whether it is to be believed is for TLS to decide.

use chrono::{DateTime, Utc};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

/// A certificate as people read it. Its texts are foreign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Common name and organisation of who signed it.
    pub issuer: String,
    /// The host names and addresses that it is for; its common name where it lists none.
    pub names: Vec<String>,
    /// It is not valid before.
    pub not_before: DateTime<Utc>,
    /// It is not valid after.
    pub not_after: DateTime<Utc>,
    /// It names itself as its issuer.
    pub self_signed: bool,
}

impl Certificate {
    /// Reads the DER of one certificate; `None` if it is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        let alternatives = read.subject_alternative_name().ok().flatten();
        let mut names: Vec<String> = alternatives
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(host_name)
            .collect();
        if names.is_empty() {
            names.push(short(read.subject()));
        }
        Some(Self {
            issuer: short(read.issuer()),
            names,
            not_before: time(read.validity().not_before)?,
            not_after: time(read.validity().not_after)?,
            self_signed: read.subject() == read.issuer(),
        })
    }
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(v4), _) => Some(std::net::IpAddr::from(v4).to_string()),
            (_, Ok(v6)) => Some(std::net::IpAddr::from(v6).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// `R11, Let's Encrypt`: the rest of a distinguished name helps nobody. The whole of it where it has neither.
fn short(name: &X509Name<'_>) -> String {
    let parts: Vec<&str> = name
        .iter_common_name()
        .chain(name.iter_organization())
        .filter_map(|part| part.as_str().ok())
        .collect();
    if parts.is_empty() {
        name.to_string()
    } else {
        parts.join(", ")
    }
}

fn time(time: ASN1Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};

    use super::*;

    fn given(names: &[&str], last_year: i32) -> Vec<u8> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name = rcgen::DistinguishedName::new();
        authority.distinguished_name.push(DnType::CommonName, "R11");
        authority
            .distinguished_name
            .push(DnType::OrganizationName, "Let's Test");
        let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters
            .distinguished_name
            .push(DnType::CommonName, "registry.example");
        parameters.not_before = rcgen::date_time_ymd(2001, 1, 2);
        parameters.not_after = rcgen::date_time_ymd(last_year, 6, 1);
        let key = KeyPair::generate().unwrap();
        parameters.signed_by(&key, &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn says_whose_it_is() {
        let read = Certificate::read(&given(&["*.example.org", "10.0.0.1", "::1"], 2049)).unwrap();
        assert_eq!(read.issuer, "R11, Let's Test");
        assert_eq!(read.names, ["*.example.org", "10.0.0.1", "::1"]);
        assert_eq!((read.not_before.year(), read.not_before.day()), (2001, 2));
        assert!(!read.self_signed);
        assert_eq!(
            Certificate::read(&given(&[], 2049)).unwrap().names,
            ["registry.example"]
        );
    }

    /// Two forms of time meet in 2050.
    #[test]
    fn reads_the_end_of_validity() {
        for year in [2012, 2049, 2051] {
            let read = Certificate::read(&given(&["a.io"], year)).unwrap();
            assert_eq!(read.not_after.year(), year);
        }
        assert_eq!(Certificate::read(&[0x30, 0x84, 0xff]), None);
        assert_eq!(Certificate::read(b""), None);
    }

    proptest! {
        #[test]
        fn never_panics(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..600) {
            let mut der = given(&["a.io"], 2049);
            let end = der.len();
            der[at % end] = byte;
            Certificate::read(&der[..cut.min(end)]);
            Certificate::read(&der);
        }
    }
}
