//! What `login` and `logout` do to the file of Helm and to helpers.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::registry::credentials::keeper::edit;

const STORE: &str = "helm/registry/config.json";

impl Home {
    fn keeper(&self) -> Keeper {
        Keeper::new(None, &self.options.variables).unwrap()
    }

    async fn save(&self, host: &str) -> Result<String, String> {
        let host = RegistryHost::new(host).unwrap();
        let saved = self.keeper().save(&host, "u", &SECRET.into()).await;
        let cut = |text: String| text.replace(&format!("{}/", self.folder.path().display()), "~/");
        let error = |error: KeepError| {
            let text = format!("{error} {error:?}");
            assert!(
                !text.contains(SECRET) && !text.contains(&auth("u:hunter2")),
                "{text}"
            );
            // As the command shows it: what the error says, then its causes
            cut(format!("{:#}", anyhow::Error::new(error)))
        };
        saved.map(cut).map_err(error)
    }

    async fn forget(&self, host: &str) -> bool {
        let host = RegistryHost::new(host).unwrap();
        self.keeper().forget(&host).await.unwrap()
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        self.path(name).metadata().unwrap().permissions().mode() & 0o777
    }
}

#[tokio::test]
async fn a_login_is_written_as_helm_writes_it() {
    for (host, key) in [
        ("r.io", "r.io"),
        ("R.io:5000", "r.io:5000"),
        ("r.io:443", "r.io:443"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"),
    ] {
        let home = Home::new();
        assert_eq!(home.save(host).await.unwrap(), format!("`~/{STORE}`"));
        let wanted = serde_json::json!({ "auths": { key: { "auth": auth("u:hunter2") } } });
        assert_eq!(home.json(STORE), wanted);
        assert_eq!((home.mode(STORE), home.mode("helm/registry")), (0o600, 0o700));
        assert!(home.find(host).await.starts_with("u:hunter2 from Helm's store"));
        assert!(home.forget(host).await && !home.forget(host).await, "{host}");
        assert_eq!(home.json(STORE), serde_json::json!({ "auths": {} }));
    }
}

#[tokio::test]
async fn a_file_of_others_stays_theirs() {
    let text = r#"{"HttpHeaders": {"X": "1"}, "auths": {"s.io": {"auth": "czpz"}, "r.io": {"auth": "b2xkOm9sZA==", "email": "e"}}, "psFormat": "table"}"#;
    let home = Home::new().helm(text);
    std::fs::set_permissions(home.path(STORE), std::fs::Permissions::from_mode(0o644)).unwrap();
    home.save("r.io").await.unwrap();
    let after = std::fs::read_to_string(home.path(STORE)).unwrap();
    let order: Vec<_> = ["HttpHeaders", "s.io", "r.io", "psFormat"]
        .map(|name| after.find(name).unwrap())
        .into();
    assert!(order.is_sorted(), "{after}");
    assert!(
        after.contains(r#"{"X": "1"}"#) && after.contains(r#"{"auth": "czpz"}"#),
        "{after}"
    );
    assert_eq!(home.mode(STORE), 0o600, "it holds passwords");
    assert_eq!(home.json(STORE)["auths"]["r.io"]["auth"], auth("u:hunter2"));
    let left: Vec<_> = std::fs::read_dir(home.path("helm/registry")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn a_logout_leaves_no_key_by_which_the_host_is_found() {
    let text = r#"{"auths": {"https://r.io/v1/": {"auth": "dTpw"}, "r.io": {"auth": "dTpw"}, "r.io/team": {"auth": "dTpw"}, "r.io:5000": {"auth": "dTpw"}, "evil-r.io": {"auth": "dTpw"}}}"#;
    let home = Home::new().helm(text);
    assert!(home.forget("r.io").await);
    assert_eq!(home.find("r.io").await, "anonymous from no store: anonymous");
    let left = home.json(STORE);
    let left: Vec<_> = left["auths"].as_object().unwrap().keys().collect();
    assert_eq!(left, ["evil-r.io", "r.io:5000"]);
    // Nothing to forget: nothing is written
    let before = std::fs::metadata(home.path(STORE)).unwrap().modified().unwrap();
    assert!(!home.forget("r.io").await);
    let after = std::fs::metadata(home.path(STORE)).unwrap().modified().unwrap();
    assert_eq!(before, after);
    let home = Home::new();
    assert!(!home.forget("r.io").await && !home.path(STORE).exists());
}

#[tokio::test]
async fn a_link_stays_a_link() {
    let home = Home::new();
    let real = home.write("dotfiles/config.json", "{}");
    std::fs::create_dir_all(home.path("helm/registry")).unwrap();
    symlink(&real, home.path(STORE)).unwrap();
    home.save("r.io").await.unwrap();
    assert!(home.path(STORE).is_symlink());
    assert_eq!(
        home.json("dotfiles/config.json")["auths"]["r.io"]["auth"],
        auth("u:hunter2")
    );
    std::fs::remove_file(&real).unwrap();
    let error = home.save("r.io").await.unwrap_err();
    assert!(error.contains("is a link that leads nowhere"), "{error}");
    std::fs::remove_file(home.path(STORE)).unwrap();
    std::fs::create_dir(home.path(STORE)).unwrap();
    let error = home.save("r.io").await.unwrap_err();
    assert!(error.contains("is no file"), "{error}");
}

#[tokio::test]
async fn a_broken_file_is_not_made_worse() {
    for text in [
        "{\"auths\": ",
        "[]",
        r#"{"auths": "hunter2"}"#,
        r#"{"credsStore": 3}"#,
    ] {
        let home = Home::new().helm(text);
        let error = home.save("r.io").await.unwrap_err();
        assert!(error.starts_with(&format!("`~/{STORE}` ")), "{error}");
        assert_eq!(std::fs::read_to_string(home.path(STORE)).unwrap(), text);
    }
    let home = Home::new();
    home.write("helm", "a file where the folder should be");
    let error = home.save("r.io").await.unwrap_err();
    assert!(
        error.contains("cannot be written") && error.contains("--registry-config"),
        "{error}"
    );
    let nowhere = Keeper::new(None, &BTreeMap::new()).unwrap_err().to_string();
    assert!(nowhere.contains("--registry-config"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logins_at_the_same_time_lose_nothing() {
    let home = Arc::new(Home::new().helm(r#"{"auths": {"first.io": {"auth": "dTpw"}}}"#));
    let logins = (0..24).map(|number| {
        let home = home.clone();
        tokio::spawn(async move { home.save(&format!("r{number}.io")).await.unwrap() })
    });
    for login in logins.collect::<Vec<_>>() {
        login.await.unwrap();
    }
    assert_eq!(home.json(STORE)["auths"].as_object().unwrap().len(), 25);
}

/// Helm and Docker know no lock: what they write between reading and writing is read again.
#[test]
fn a_change_of_another_program_is_kept() {
    let home = Home::new().helm(&auths("first.io", "u:p"));
    let path = home.path(STORE);
    let rounds = std::cell::Cell::new(0);
    let changed = edit(&path, |document, _| {
        rounds.set(rounds.get() + 1);
        if rounds.get() == 1 {
            std::fs::write(&path, auths("other.io", "u:p")).unwrap();
        }
        document.set_login("r.io", "dTpw");
        true
    });
    assert!(changed.unwrap());
    let found = home.json(STORE);
    let keys: Vec<_> = found["auths"].as_object().unwrap().keys().collect();
    assert_eq!(
        (rounds.get(), keys),
        (2, vec![&"other.io".to_owned(), &"r.io".to_owned()])
    );
}

/// A helper that writes down what it is told and answers from it.
const KEEPER: &str = r#"case "$1" in
store) cat > "$HOME/stored";;
get) read -r server; if [ -e "$HOME/stored" ]; then cat "$HOME/stored"; else echo "credentials not found in native keychain"; exit 1; fi;;
erase) cat > "$HOME/erased"; rm "$HOME/stored";;
esac"#;

#[tokio::test]
async fn a_helper_keeps_the_login_where_there_is_one() {
    for text in [
        r#"{"credsStore": "x", "auths": {"r.io": {"auth": "b2xkOm9sZA=="}}}"#,
        r#"{"credHelpers": {"r.io": "x"}, "credsStore": "y", "auths": {"r.io": {"auth": "b2xkOm9sZA=="}}}"#,
    ] {
        let home = Home::new().helm(text).program("x", KEEPER);
        assert_eq!(home.save("r.io").await.unwrap(), "the credential helper `x`");
        let told = serde_json::json!({ "ServerURL": "r.io", "Username": "u", "Secret": SECRET });
        assert_eq!(home.json("stored"), told);
        let left = home.json(STORE);
        assert_eq!(left["auths"], serde_json::json!({}), "the old password is gone");
        assert!(left.get("credsStore").is_some());
        assert!(home.find("r.io").await.starts_with("u:hunter2 from Helm's store"));
        assert!(home.forget("r.io").await && !home.forget("r.io").await);
        assert_eq!(std::fs::read_to_string(home.path("erased")).unwrap(), "r.io");
    }
    let home = Home::new()
        .helm(r#"{"credsStore": "x"}"#)
        .program("x", "echo hunter2; echo hunter2 >&2; exit 3");
    let error = home.save("r.io").await.unwrap_err();
    assert_eq!(error.matches("docker-credential-x` failed").count(), 1, "{error}");
    assert!(
        error.contains("docker-credential-x` failed (exit status: 3); run") && error.contains(" store`"),
        "{error}"
    );
    assert!(
        error.contains(&format!("(it is named by `~/{STORE}`)")),
        "{error}"
    );
    assert_eq!(home.json(STORE), serde_json::json!({ "credsStore": "x" }));
}

/// Helm and Docker choose the platform's keychain for the first login, if there is a helper for it.
#[tokio::test]
async fn the_first_login_goes_to_the_keychain_of_the_platform() {
    let name = if cfg!(target_os = "macos") {
        "osxkeychain"
    } else {
        "pass"
    };
    let chosen = Home::new().program(name, KEEPER);
    chosen.write("bin/pass", "");
    std::fs::set_permissions(chosen.path("bin/pass"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = chosen.save("r.io").await.unwrap();
    assert_eq!(place, format!("the credential helper `{name}`"));
    assert_eq!(chosen.json(STORE), serde_json::json!({ "credsStore": name }));
    assert_eq!(chosen.json("stored")["Username"], "u");
    // Not where logins are kept in plain text already
    let settled = Home::new().program(name, KEEPER).helm(&auths("s.io", "u:p"));
    settled.write("bin/pass", "");
    assert_eq!(settled.save("r.io").await.unwrap(), format!("`~/{STORE}`"));
}
