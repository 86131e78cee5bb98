//! The texts of the file that mean more than themselves: sources, targets, hosts, globs, ranges, paths.
//!
//! Errors are the second half of a problem's sentence. What could hold a password is not repeated in them.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::Url;

use super::settings::{SourceConfig, TargetConfig};
use crate::helm::range::Range;
use crate::plan::Accept;
use crate::types::{OciTarget, RegistryHost};

/// A path of the file: relative ones begin at the folder of the configuration file.
pub(super) fn path(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text == "~" || text.starts_with("~/") {
        return Err("`~` is not expanded here; write the whole path".into());
    }
    Ok(folder.join(text))
}

/// A source as product 1 lists them.
pub(super) fn source(text: &str, folder: &Path) -> Result<SourceConfig, String> {
    if let Some(name) = text.strip_prefix("helm:") {
        if name.is_empty() || name.contains(['/', '\\']) {
            return Err("`helm:` wants the name of a repository that `helm repo list` shows".into());
        }
        return Ok(SourceConfig::Helm(name.into()));
    }
    if let Some(layout) = text.strip_prefix("oci-layout:") {
        return self::layout(layout, folder).map(SourceConfig::Layout);
    }
    match text.split_once("://").map(|(scheme, _)| scheme) {
        None => path(text, folder).map(SourceConfig::Folder),
        Some("http" | "https") => http(text).map(SourceConfig::Http),
        Some("file") => Url::parse(text)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .map(SourceConfig::Folder)
            .ok_or_else(|| "is no usable `file://` URL; write `file:///folder`".into()),
        Some("oci") => Err("a registry is no source; give the classic repository, a folder or `oci-layout:DIR`".into()),
        Some(_) => Err("has a scheme that cannot be read; give `https://…`, a folder, `file://…`, `oci-layout:DIR` or `helm:NAME`".into()),
    }
}

fn http(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is no URL ({error}); write `https://host/path`"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password; put the login into a `[[host]]`".into());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment (`#…`); cut it off".into());
    }
    Ok(url)
}

fn layout(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("`oci-layout:` wants a folder, as in `oci-layout:charts`".into());
    }
    path(text, folder)
}

/// A target as product 1 lists them.
pub(super) fn target(text: &str, folder: &Path) -> Result<TargetConfig, String> {
    if let Some(layout) = text.strip_prefix("oci-layout:") {
        return self::layout(layout, folder).map(TargetConfig::Layout);
    }
    let Some(rest) = text.strip_prefix("oci://") else {
        // What looks like a login is not repeated.
        let shown: String = text.chars().take_while(|c| *c != '@').take(300).collect();
        return Err(format!(
            "`{}{}` is no target; write `oci://host[:port]/prefix` or `oci-layout:DIR`",
            shown.escape_debug(),
            if shown.len() < text.len() { "…" } else { "" }
        ));
    };
    if rest.split('/').next().is_some_and(|host| host.contains('@')) {
        return Err("must not hold a user or password; put the login into a `[[host]]`".into());
    }
    OciTarget::parse(text)
        .map(TargetConfig::Oci)
        .map_err(|error| error.to_string())
}

/// A host with an optional port.
pub(super) fn host(text: &str) -> Result<RegistryHost, String> {
    if text.contains("://") || text.contains('/') {
        return Err("is more than a host; write `host` or `host:port`, without scheme and path".into());
    }
    if text.contains('@') {
        return Err("must not hold a user; write `host` or `host:port`".into());
    }
    RegistryHost::new(text).map_err(|error| error.to_string())
}

/// A host, an address or a network.
pub(super) fn private(text: &str) -> Result<String, String> {
    let bad = || {
        format!(
            "`{}` is no host, address or network such as `10.0.0.0/8`",
            text.escape_debug()
        )
    };
    if let Some((address, length)) = text.split_once('/') {
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
        let length: u8 = if digits {
            length.parse().map_err(|_| bad())?
        } else {
            return Err(bad());
        };
        if length == 0 {
            return Err("is every address there is; name the networks that are meant".into());
        }
        if length > most {
            return Err(bad());
        }
    } else if text.parse::<IpAddr>().is_err() {
        host(text).map_err(|_| bad())?;
    }
    Ok(text.to_ascii_lowercase())
}

/// A glob on names.
pub(super) fn glob(text: &str) -> Result<String, String> {
    /// Globs become regular expressions; longer ones are no globs that a person wrote.
    const LONGEST: usize = 512;
    if text.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes; give a shorter glob"));
    }
    match globset::Glob::new(text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("`{}` is no glob ({})", text.escape_debug(), error.kind())),
    }
}

/// `chart@version` or `chart@*`. The version need not be one to Helm: that may be why it is accepted.
pub(super) fn accepted(text: &str) -> Result<String, String> {
    Accept::parse([text])
        .map(|_| text.into())
        .map_err(|error| error.to_string())
}

/// Log levels: one, or several by module as in `info,chartferry::net=debug`.
pub(super) fn log(text: &str) -> Result<String, String> {
    let level = |word: &str| matches!(word.trim(), "off" | "error" | "warn" | "info" | "debug" | "trace");
    let module = |word: &str| {
        let word = word.trim();
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-'))
    };
    let good = text.split(',').all(|part| match part.split_once('=') {
        Some((target, word)) => module(target) && level(word),
        None => level(part),
    });
    if good {
        Ok(text.into())
    } else {
        Err("give `off`, `error`, `warn`, `info`, `debug` or `trace`, or levels by module as in `info,chartferry::net=debug`".into())
    }
}

/// The name of a mirror: it stands in file names, labels and on command lines.
pub(super) fn mirror_name(text: &str) -> Result<String, String> {
    let mut bytes = text.bytes();
    let good = text.len() <= 63
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if good {
        Ok(text.into())
    } else {
        Err("give 1 to 63 letters, digits, `.`, `_` or `-`, beginning with a letter or digit".into())
    }
}

/// A credential helper: the part after `docker-credential-`, or an absolute path.
pub(super) fn helper(text: &str) -> Result<String, String> {
    let name = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if (name && !text.is_empty() && !text.starts_with(['.', '-'])) || text.starts_with('/') {
        Ok(text.into())
    } else {
        Err("give the part of the program's name after `docker-credential-`, such as `ecr-login`, or its absolute path".into())
    }
}

/// A range of versions.
pub(super) fn range(text: &str) -> Result<Range, String> {
    Range::parse(text).map_err(|error| error.to_string())
}
