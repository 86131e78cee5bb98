//! PEM files that the configuration names: enough of a look to refuse what cannot work before any connection
//! (reliability B61). TLS itself reads them again.

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::certificate::Certificate;

/// System bundles have about 250 KiB.
const MAX_BYTES: u64 = 8 << 20;

/// One block of a PEM file.
struct Block {
    label: String,
    der: Vec<u8>,
}

/// Checks a file of certificates. `Ok` holds what deserves a look.
pub(super) fn certificates(path: &Path, now: DateTime<Utc>) -> Result<Option<String>, String> {
    let blocks = read(path)?;
    let certificates: Vec<&Block> = blocks
        .iter()
        .filter(|block| block.label.ends_with("CERTIFICATE"))
        .collect();
    if certificates.is_empty() {
        return Err(format!(
            "`{}` holds no `CERTIFICATE` block; give a PEM file of certificates",
            path.display()
        ));
    }
    if certificates.iter().any(|block| !block.der.starts_with(&[0x30])) {
        return Err(format!(
            "`{}` holds a certificate that is damaged; copy it again",
            path.display()
        ));
    }
    let expired = certificates
        .iter()
        .filter(|block| Certificate::read(&block.der).is_some_and(|read| read.not_after < now))
        .count();
    let all = certificates.len();
    match expired {
        0 => Ok(None),
        _ if expired == all => Err(format!(
            "`{}` holds only expired certificates; give current ones",
            path.display()
        )),
        _ => Ok(Some(format!(
            "`{}` holds {expired} expired of {all} certificates",
            path.display()
        ))),
    }
}

/// Checks the file of a private key.
pub(super) fn private_key(path: &Path) -> Result<(), String> {
    let blocks = read(path)?;
    let label = |wanted: &str| blocks.iter().any(|block| block.label == wanted);
    if ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]
        .into_iter()
        .any(label)
    {
        Ok(())
    } else if label("ENCRYPTED PRIVATE KEY") {
        Err(format!(
            "`{}` is encrypted; give the key without a passphrase",
            path.display()
        ))
    } else {
        Err(format!(
            "`{}` holds no `PRIVATE KEY` block; give the PEM file of the key",
            path.display()
        ))
    }
}

fn read(path: &Path) -> Result<Vec<Block>, String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("`{shown}` cannot be read ({error}); correct the path");
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(format!("`{shown}` is a folder; give a PEM file"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.is_empty() {
        return Err(format!("`{shown}` is empty; give a PEM file"));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("`{shown}` is larger than 8 MiB; give a PEM file"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let blocks =
        blocks(&text).ok_or_else(|| format!("`{shown}` holds a PEM block that is damaged; copy it again"))?;
    if blocks.is_empty() {
        return Err(format!(
            "`{shown}` is not a PEM file (no `-----BEGIN …-----`); convert it"
        ));
    }
    Ok(blocks)
}

/// All blocks (RFC 7468); text around them is allowed. `None` if one is cut or not base64.
fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut out = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut body = String::new();
        loop {
            let line = lines.next()?;
            if line == end {
                break;
            }
            // Old encrypted keys have headers such as `Proc-Type:` in front of the body.
            if !line.contains(':') {
                body.push_str(line);
            }
        }
        out.push(Block {
            label: label.into(),
            der: STANDARD.decode(body).ok()?,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike as _, Duration};

    use super::*;

    fn certificate(year: i32) -> (String, String) {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2001, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, 6, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn says_what_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        let now = Utc::now();
        let (old, key) = certificate(2012);
        let (new, _) = certificate((now + Duration::days(1000)).year());
        let damaged = new.replace("-----END", "---END");
        let twisted = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode("hello")
        );
        let both = format!("my CAs\n{old}{new}");
        for (content, wanted) in [
            ("", "is empty"),
            ("<html>", "is not a PEM file"),
            (damaged.as_str(), "PEM block that is damaged"),
            (twisted.as_str(), "certificate that is damaged"),
            (key.as_str(), "no `CERTIFICATE` block"),
            (old.as_str(), "only expired"),
            (both.as_str(), "1 expired of 2"),
            (new.as_str(), ""),
        ] {
            std::fs::write(&path, content).unwrap();
            let said = match certificates(&path, now) {
                Ok(warning) => warning.unwrap_or_default(),
                Err(text) => text,
            };
            assert!(
                said.contains(wanted) && said.is_empty() == wanted.is_empty(),
                "{said} / {wanted}"
            );
        }
        assert!(
            certificates(folder.path(), now)
                .unwrap_err()
                .contains("is a folder")
        );
        std::fs::write(&path, &new).unwrap();
        assert!(private_key(&path).unwrap_err().contains("no `PRIVATE KEY` block"));
        std::fs::write(&path, &key).unwrap();
        assert_eq!(private_key(&path), Ok(()));
        std::fs::write(&path, key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")).unwrap();
        assert!(private_key(&path).unwrap_err().contains("is encrypted"));
    }
}
