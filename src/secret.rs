//! Secrets as they lie in files and variables: the one place that knows what may end a secret file and what may
//! not be in it, for the check of the configuration and for the login alike (reliability B60).
//!
//! Errors and warnings name the file, never what it holds.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// A password of more bytes is a file given by mistake.
const MAX_BYTES: u64 = 64 << 10;

/// Why a secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("secret file `{}` cannot be read ({reason}); create it or correct the path", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        reason: String,
    },
    /// A folder, or too large.
    #[error("secret file `{}` {reason}; give a file that holds only the secret", .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: &'static str,
    },
    /// The variable is not there.
    #[error("the environment variable that is named here is not set or not Unicode; set it")]
    NoVariable,
    /// The variable holds nothing, or a NUL character.
    #[error("the environment variable that is named here is empty or holds a NUL character")]
    BadVariable,
}

/// Reads a secret file: symbolic links are followed (Kubernetes mounts secrets by them), one newline at the end
/// is cut, the rest is the secret.
pub fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let unfit = |reason| SecretError::Unfit {
        path: path.into(),
        reason,
    };
    let failed = |error: std::io::Error| SecretError::Read {
        path: path.into(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(unfit("is a folder"));
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(unfit("is larger than 64 KiB"));
    }
    let text = String::from_utf8(text).map_err(|_| unfit("is not UTF-8 text"))?;
    let secret = text
        .strip_suffix('\n')
        .map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if secret.is_empty() {
        return Err(unfit("is empty"));
    }
    if secret.contains('\0') {
        return Err(unfit("holds a NUL character"));
    }
    Ok(SecretString::from(secret))
}

/// Reads a secret out of a variable's value.
pub fn read_variable(value: Option<&str>) -> Result<SecretString, SecretError> {
    match value {
        None => Err(SecretError::NoVariable),
        Some(text) if text.is_empty() || text.contains('\0') => Err(SecretError::BadVariable),
        Some(text) => Ok(SecretString::from(text)),
    }
}

/// The warning about a file that every user of the machine may read; `None` if not all may.
pub fn world_readable(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    (metadata.permissions().mode() & 0o004 != 0).then(|| {
        format!(
            "`{}` can be read by every user of this machine; `chmod o= ` it unless that is meant",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn one_newline_is_cut_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (content, secret) in [
            ("hunter2", Some("hunter2")),
            ("hunter2\n", Some("hunter2")),
            ("hunter2\r\n", Some("hunter2")),
            ("hunter2\n\n", Some("hunter2\n")),
            (" hunter2 ", Some(" hunter2 ")),
            ("", None),
            ("\n", None),
            ("hun\0ter2", None),
        ] {
            fs::write(&path, content).unwrap();
            let read = read_file(&path);
            assert_eq!(
                read.as_ref().ok().map(ExposeSecret::expose_secret),
                secret,
                "{content:?}"
            );
            assert!(!format!("{read:?}").contains("hunter2"));
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(
            read_file(&path),
            Err(SecretError::Unfit {
                reason: "is not UTF-8 text",
                ..
            })
        ));
        fs::write(&path, vec![b'a'; 65 << 10]).unwrap();
        assert!(matches!(
            read_file(&path),
            Err(SecretError::Unfit {
                reason: "is larger than 64 KiB",
                ..
            })
        ));
    }

    #[test]
    fn folders_and_missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_file(folder.path()).unwrap_err();
        assert!(error.to_string().contains("is a folder"), "{error}");
        let error = read_file(&folder.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("none`"), "{error}");
    }

    #[test]
    fn follows_links_and_sees_their_target_s_mode() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("secret"), folder.path().join("link"));
        fs::write(&path, "hunter2").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read_file(&link).is_ok());
        for (mode, open) in [(0o600, false), (0o640, false), (0o644, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(world_readable(&link).is_some(), open);
        }
    }

    #[test]
    fn variables_hold_something() {
        assert_eq!(read_variable(None).unwrap_err(), SecretError::NoVariable);
        assert_eq!(read_variable(Some("")).unwrap_err(), SecretError::BadVariable);
        assert_eq!(read_variable(Some("x\n")).unwrap().expose_secret(), "x\n");
    }
}
