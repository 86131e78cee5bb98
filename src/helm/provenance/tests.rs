//! Provenance files of our own making, and real ones where the test data is there.

use super::*;

const GOOD: &[u8] = include_bytes!("testdata/good.prov");

fn empty() -> Digest {
    Digest::of(b"")
}

/// A clear-signed file around `text`; the signature is none.
fn file(text: &str) -> String {
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{text}\n-----BEGIN PGP SIGNATURE-----\n\nAA==\n-----END PGP SIGNATURE-----\n"
    )
}

fn naming(text: &str) -> Naming {
    let file = file(text);
    ClearSigned::scan(file.as_bytes())
        .unwrap()
        .naming(&empty(), "demo", "1.0.0")
}

#[test]
fn reads_the_text_that_was_signed() {
    let signed = ClearSigned::scan(GOOD).unwrap();
    let text = format!(
        "name: demo\nversion: 1.0.0\n- dashed\n\n...\nfiles:\n  demo-1.0.0.tgz: {}\n",
        empty()
    );
    assert_eq!(std::str::from_utf8(signed.text()).unwrap(), text);
    assert_eq!(signed.naming(&empty(), "demo", "1.0.0"), Naming::Archive);
    let windows = String::from_utf8(GOOD.to_vec()).unwrap().replace('\n', "\r\n");
    assert_eq!(
        ClearSigned::scan(windows.as_bytes()).unwrap().text(),
        signed.text()
    );
    let framed = [b"some text\n", GOOD, b"more"].concat();
    assert_eq!(ClearSigned::scan(&framed).unwrap(), signed);
}

#[test]
fn says_what_is_not_clear_signed() {
    use NotClearSigned::{Empty, Header, Html, NoMessage, NoSignature, TooLarge};
    let good = file("x");
    let big = vec![b'x'; usize::try_from(MAX_SIZE).unwrap() + 1];
    for (file, why) in [
        (&b""[..], Empty),
        (b" \n", Empty),
        (b"\n<!DOCTYPE html><html>", Html),
        (b"\xef\xbb\xbf<html>", Html),
        (b"not found", NoMessage),
        (b"x -----BEGIN PGP SIGNED MESSAGE-----\n\n", NoMessage),
        (b"-----BEGIN PGP SIGNED MESSAGE-----x\n\n", NoMessage),
        (b"-----BEGIN PGP SIGNATURE-----\n", NoMessage),
        (b"\x1f\x8b\x08", NoMessage),
        (good.replace("Hash: SHA512", "Version: 1").as_bytes(), Header),
        (good.replace("Hash: SHA512", "Hash").as_bytes(), Header),
        (good.replace("Hash: SHA512", "Hash: \u{e9}").as_bytes(), Header),
        (b"-----BEGIN PGP SIGNED MESSAGE-----", NoSignature),
        (
            b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\ntext\n",
            NoSignature,
        ),
        (good.split("-----END").next().unwrap().as_bytes(), NoSignature),
        (&big, TooLarge),
    ] {
        assert_eq!(
            ClearSigned::scan(file).unwrap_err(),
            why,
            "{:?}",
            String::from_utf8_lossy(&file[..file.len().min(90)])
        );
    }
}

#[test]
fn finds_the_digest_under_any_name() {
    let sum = empty();
    assert_eq!(
        naming(&format!("a: b\n...\nfiles:\n  demo-1.0.0.tgz: {sum}")),
        Naming::Archive
    );
    assert_eq!(
        naming(&format!("...\nfiles:\n  demo-1.0.0.tgz: {sum}")),
        Naming::Not("it has no line `...` with checksums below it".into())
    );
    assert_eq!(
        naming(&format!(
            "a: b\n...\nfiles:\n  x.tgz: sha256:00\n  demo-v1.0.0.tgz: {sum}"
        )),
        Naming::Other("demo-v1.0.0.tgz".into())
    );
    for (text, why) in [
        ("a: b\n...\nimages: {}", "names no file"),
        ("a: b\n...\nfiles:\n  demo-1.0.0.tgz: sha256:\n", "no YAML"),
        (
            "a: b\n...\nfiles:\n  demo-1.0.0.tgz: \"sha256:00\\e[0m\"",
            "`sha256:00\\u{1b}",
        ),
        ("a: b\n...\nfiles:\n  a: &a sha256:00\n  b: *a", "aliases"),
        ("a: b\n...\nfiles: [1]", "no YAML"),
    ] {
        let found = naming(text);
        assert!(
            matches!(&found, Naming::Not(text) if text.contains(why)),
            "{found:?}"
        );
    }
}

#[cfg(feature = "verify")]
mod signatures {
    use chrono::{DateTime, Utc};

    use super::*;

    const RING: &[u8] = include_bytes!("testdata/ring.asc");

    fn at(date: &str) -> DateTime<Utc> {
        format!("{date}T00:00:00Z").parse().unwrap()
    }

    fn check(file: &[u8], ring: &[u8], date: &str) -> Result<Signer, VerifyError> {
        verify(
            &ClearSigned::scan(file).unwrap(),
            &Keyring::read(ring).unwrap(),
            at(date),
        )
    }

    #[test]
    fn good_ones_are_good() {
        let signer = check(GOOD, RING, "2026-01-01").unwrap();
        assert_eq!(signer.fingerprint, "DB3AD6A65B344B4D8124D034F224EF32495471DE");
        assert_eq!(signer.user.as_deref(), Some("Good <good@example.org>"));
        let sub = check(include_bytes!("testdata/sub.prov"), RING, "2026-01-01").unwrap();
        assert_eq!(sub.fingerprint, "439F8E68281A06479E90A51BD272DF69C74FAF9E");
        let windows = String::from_utf8(GOOD.to_vec()).unwrap().replace('\n', "\r\n");
        assert!(check(windows.as_bytes(), RING, "2026-01-01").is_ok());
    }

    #[test]
    fn rings_may_be_binary_or_several_blocks() {
        use base64::Engine as _;
        let text = std::str::from_utf8(RING).unwrap();
        let body: String = text
            .lines()
            .filter(|line| !line.starts_with(['-', '=']))
            .collect();
        let binary = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        assert!(check(GOOD, &binary, "2026-01-01").is_ok());
        assert_eq!(Keyring::read(&binary).unwrap().len(), 4);
        let twice = [b"my keys\n", RING, RING].concat();
        assert_eq!(Keyring::read(&twice).unwrap().len(), 8);
    }

    #[test]
    fn a_changed_text_is_bad() {
        let text = String::from_utf8(GOOD.to_vec()).unwrap();
        for changed in [
            text.replace("1.0.0\n", "1.0.1\n"),
            text.replace("name: demo\n", "name: demo\n\n"),
        ] {
            assert_ne!(changed, text);
            let error = check(changed.as_bytes(), RING, "2026-01-01").unwrap_err();
            assert_eq!(
                error,
                VerifyError::Bad {
                    key: "F224EF32495471DE".into()
                }
            );
        }
        // Blanks at the end of a line are no part of what is signed.
        assert!(
            check(
                text.replace("1.0.0\n", "1.0.0  \n").as_bytes(),
                RING,
                "2026-01-01"
            )
            .is_ok()
        );
    }

    #[test]
    fn other_keys_do_not_count() {
        let other = include_bytes!("testdata/other.prov");
        let unknown = VerifyError::UnknownKey {
            key: "856A474F5E45BD12".into(),
        };
        assert_eq!(check(other, RING, "2026-01-01").unwrap_err(), unknown);
        let revoked = VerifyError::Revoked {
            key: "BC9C08DA7294B9AA".into(),
        };
        assert_eq!(
            check(include_bytes!("testdata/revoked.prov"), RING, "2026-01-01").unwrap_err(),
            revoked
        );
    }

    #[test]
    fn time_ends_keys_and_signatures() {
        let expired = include_bytes!("testdata/expired.prov");
        assert!(check(expired, RING, "2024-12-30").is_ok());
        let error = VerifyError::KeyExpired {
            key: "0251608C547960AE".into(),
            on: "2025-01-01".into(),
        };
        assert_eq!(check(expired, RING, "2025-01-02").unwrap_err(), error);
        let short = include_bytes!("testdata/short.prov");
        assert!(check(short, RING, "2024-02-02").is_ok());
        for date in ["2024-01-31", "2024-04-01"] {
            let error = check(short, RING, date).unwrap_err();
            assert!(matches!(error, VerifyError::SignatureExpired { .. }), "{error}");
        }
    }

    #[test]
    fn says_what_is_no_ring_and_no_signature() {
        assert!(matches!(Keyring::read(b""), Err(KeyringError::NoKeys)));
        assert!(matches!(Keyring::read(b"hello"), Err(KeyringError::NoKeys)));
        assert!(matches!(Keyring::read(&[0xff; 100]), Err(KeyringError::NoKeys)));
        assert_eq!(
            Keyring::read(b"\0\0\0\x20\x01\x01\0\x02KBXf....").unwrap_err(),
            KeyringError::Keybox
        );
        let error = check(file("x").as_bytes(), RING, "2026-01-01").unwrap_err();
        assert!(matches!(error, VerifyError::Unreadable { .. }), "{error}");
    }

    /// Whoever names the wrong file must not find it in the log.
    #[test]
    fn nothing_of_a_wrong_file_is_told() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = pair.serialize_pem();
        let request = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = request.self_signed(&pair).unwrap().pem();
        let damaged = std::str::from_utf8(RING).unwrap();
        let damaged = &damaged[..damaged.len() / 2];
        let words = "user = admin\npassword = correct horse battery staple\n".repeat(4);
        for (file, wanted) in [
            (key.as_str(), KeyringError::Pem),
            (&format!("a comment\n{key}"), KeyringError::Pem),
            (&certificate, KeyringError::Pem),
            (damaged, KeyringError::NoKeys),
            (&words, KeyringError::NoKeys),
        ] {
            let error = Keyring::read(file.as_bytes()).unwrap_err();
            assert_eq!(error, wanted, "{file}");
            assert_tells_nothing(&format!("{error}\n{error:?}"), file.as_bytes());
            let prov = format!(
                "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nx\n-----BEGIN PGP SIGNATURE-----\n\n{file}"
            );
            let Ok(signed) = ClearSigned::scan(prov.as_bytes()) else {
                continue;
            };
            let error = verify(&signed, &Keyring::read(RING).unwrap(), Utc::now()).unwrap_err();
            assert_tells_nothing(&format!("{error}\n{error:?}"), file.as_bytes());
        }
    }

    /// Neither as text nor as a list of numbers, which is how parsers show bytes.
    #[track_caller]
    fn assert_tells_nothing(told: &str, file: &[u8]) {
        for window in file.windows(16).filter(|window| *window != [b'-'; 16]) {
            let text = String::from_utf8_lossy(window).escape_debug().to_string();
            let numbers = format!("{window:?}");
            let hex = format!("{window:02x?}");
            for form in [
                text.as_str(),
                &numbers[1..numbers.len() - 1],
                &hex[1..hex.len() - 1],
            ] {
                assert!(!told.contains(form), "{told}");
            }
        }
    }

    /// Signed by `.prov` files of real repositories, with what Helm says of them.
    #[test]
    fn agrees_with_helm_on_real_files() {
        let Some(data) = data() else { return };
        let read = |path: &str| std::fs::read(data.join("signed-mixed").join(path)).unwrap();
        for (chart, ring, good) in [
            ("signtest-0.1.0", "helm-test-key.pub", true),
            ("hashtest-1.2.3", "helm-test-key.pub", true),
            ("hashtest-1.2.3", "helm-mixed-keyring.pub", true),
            ("vault-0.17.0", "openshift-vault-good.asc", true),
            ("vault-0.17.0", "openshift-vault-WRONG.asc", false),
            ("i2i5gcorehelm-1.0.10", "i2i.asc", true),
            ("i2i5gcorehelm-1.0.9", "i2i.asc", false),
            ("i2i5gcorehelm-1.0.0", "i2i.asc", false),
            ("query-0.21.0", "siakhooi-helm.gpg", true),
            ("loki-2.1.0", "helm-mixed-keyring.pub", false),
        ] {
            let result = check(
                &read(&format!("{chart}.tgz.prov")),
                &read(&format!("keys/{ring}")),
                "2026-11-01",
            );
            assert_eq!(result.is_ok(), good, "{chart} {ring}: {result:?}");
        }
    }

    #[test]
    fn a_whole_repository_is_good() {
        let Some(data) = data() else { return };
        let folder = data.join("siakhooi-signed");
        let ring = std::fs::read(folder.join("siakhooi-helm.gpg")).unwrap();
        let mut count = 0;
        for path in provs(&folder.join("query")) {
            let result = check(&std::fs::read(&path).unwrap(), &ring, "2026-11-01");
            assert!(result.is_ok(), "{}: {result:?}", path.display());
            count += 1;
        }
        assert_eq!(count, 23);
    }
}

proptest::proptest! {
    /// Whatever stands in a file, reading it neither panics nor makes text of its own.
    #[test]
    fn any_file_can_be_scanned(
        parts in proptest::collection::vec(
            proptest::prelude::prop_oneof![
                proptest::prelude::Just("-----BEGIN PGP SIGNED MESSAGE-----".to_owned()),
                proptest::prelude::Just("-----BEGIN PGP SIGNATURE-----".to_owned()),
                proptest::prelude::Just("-----END PGP SIGNATURE-----".to_owned()),
                proptest::prelude::Just("Hash: SHA512".to_owned()),
                proptest::prelude::Just("\n".to_owned()),
                proptest::prelude::Just("\r\n\n".to_owned()),
                proptest::prelude::Just("\n...\nfiles:\n".to_owned()),
                "[ -~\u{e9}\t]{0,12}",
            ],
            0..16,
        )
    ) {
        let file = parts.concat();
        if let Ok(signed) = ClearSigned::scan(file.as_bytes()) {
            proptest::prop_assert!(signed.text().len() <= file.len());
            proptest::prop_assert!(!matches!(signed.naming(&empty(), "demo", "1.0.0"), Naming::Archive));
        }
    }
}

/// The folder of test data, or a line that says what is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn data() -> Option<std::path::PathBuf> {
    let folder = std::env::var_os("CHARTFERRY_TEST_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        Into::into,
    );
    if folder.join("signed-mixed").is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no `signed-mixed` in {}; set CHARTFERRY_TEST_DATA",
        folder.display()
    );
    None
}

fn provs(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|end| end == "prov"))
        .collect()
}

#[test]
fn real_files_name_their_packages() {
    let Some(data) = data() else { return };
    let mut found = BTreeMap::new();
    for path in provs(&data.join("signed-mixed")) {
        let archive = path.with_extension("");
        let (name, version) = archive
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .rsplit_once('-')
            .unwrap();
        let file = std::fs::read(&path).unwrap();
        let digest = Digest::of(&std::fs::read(&archive).unwrap());
        let naming = ClearSigned::scan(&file).unwrap().naming(&digest, name, version);
        found.insert(format!("{name}-{version}"), naming);
    }
    let not: Vec<_> = found
        .iter()
        .filter(|(_, naming)| **naming != Naming::Archive)
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!((found.len(), not), (13, vec!["loki-0.25.3", "mybadchart-1.0.0"]));
}
