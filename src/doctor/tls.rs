//! What protects the way: the certificate that was shown, or nothing.

use chrono::{DateTime, Utc};
use url::Url;

use super::check::{Checks, names};
use crate::certificate::Certificate;

/// Certificates that end sooner deserve a look; those of Let's Encrypt are renewed 30 days before.
const SOON: i64 = 14;

/// Judges what TLS has let through. `insecure`: it was told to let anything through.
pub(super) fn judge(
    url: &Url,
    certificate: Option<&[u8]>,
    insecure: bool,
    now: DateTime<Utc>,
    checks: &mut Checks,
) {
    if url.scheme() == "http" {
        checks.warn(
            "tls",
            "plain HTTP: whoever is on the way can read passwords and change charts; use it in trusted networks only",
        );
        return;
    }
    let Some(read) = certificate.and_then(Certificate::read) else {
        checks.ok("tls", "the certificate is trusted, but cannot be shown");
        return;
    };
    let shown = describe(&read);
    let days = read.not_after.signed_duration_since(now).num_days();
    let end = read.not_after.format("%Y-%m-%d");
    if insecure {
        let text = format!(
            "any certificate is accepted (`insecure_skip_tls_verify`), so anybody may be at the other end; this one is {shown}, valid until {end}; name its authority as `ca_file` instead"
        );
        checks.warn("tls", text);
    } else if days < SOON {
        let text = format!(
            "the certificate, {shown}, expires {} (on {end}): have it renewed",
            in_days(days)
        );
        checks.warn("tls", text);
    } else {
        checks.ok("tls", format!("{shown}, valid until {end}, {}", in_days(days)));
    }
}

fn describe(read: &Certificate) -> String {
    let names = names(&read.names, 3);
    if read.self_signed {
        format!("signed by itself, for {names}")
    } else {
        format!("issued by `{}` for {names}", read.issuer)
    }
}

fn in_days(days: i64) -> String {
    match days {
        ..0 => "in the past".to_owned(),
        0 => "within a day".to_owned(),
        1 => "in 1 day".to_owned(),
        _ => format!("in {days} days"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn what_protects_the_way_is_judged() {
        let now = Utc::now();
        let mut parameters = rcgen::CertificateParams::new(vec!["r.io".into()]).unwrap();
        let mut ends = |days: i64| {
            let end = now + chrono::Duration::days(days) + chrono::Duration::hours(1);
            parameters.not_before = rcgen::date_time_ymd(2001, 1, 1);
            parameters.not_after = rcgen::date_time_ymd(
                end.year(),
                u8::try_from(end.month()).unwrap(),
                u8::try_from(end.day()).unwrap(),
            );
            let key = rcgen::KeyPair::generate().unwrap();
            parameters.self_signed(&key).unwrap().der().to_vec()
        };
        let (long, short) = (ends(100), ends(10));
        for (url, der, insecure, status, part) in [
            ("http://r.io/", None, false, Status::Warning, "plain HTTP"),
            ("https://r.io/", None, false, Status::Ok, "trusted"),
            (
                "https://r.io/",
                Some(&long),
                false,
                Status::Ok,
                "for `r.io`, valid until",
            ),
            ("https://r.io/", Some(&short), false, Status::Warning, "renewed"),
            ("https://r.io/", Some(&long), true, Status::Warning, "anybody"),
        ] {
            let mut checks = Checks::default();
            judge(
                &Url::parse(url).unwrap(),
                der.map(Vec::as_slice),
                insecure,
                now,
                &mut checks,
            );
            let check = checks.done().remove(0);
            assert_eq!(check.status, status, "{}", check.text);
            assert!(check.text.contains(part), "{}", check.text);
        }
    }
}
