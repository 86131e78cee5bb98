//! Stores of credentials in temporary folders, and helpers that are small shell scripts.

mod keeper;
mod podman;

use std::path::Path;
use std::process::Command;

use secrecy::ExposeSecret as _;

use super::*;

const SECRET: &str = "hunter2";

/// A home folder with stores, helpers on its own `PATH`, and a place to count calls.
struct Home {
    folder: tempfile::TempDir,
    options: StoreOptions,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let variables = [
            ("HOME", home.to_owned()),
            ("PATH", format!("{home}/bin:/usr/bin:/bin")),
            ("HELM_CONFIG_HOME", format!("{home}/helm")),
            ("XDG_RUNTIME_DIR", format!("{home}/run")),
            ("AWS_PROFILE", "acme".into()),
            ("CHARTFERRY_OTHER", "not for helpers".into()),
        ];
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self {
            folder,
            options: StoreOptions {
                variables,
                ..StoreOptions::default()
            },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn helm(self, text: &str) -> Self {
        self.write("helm/registry/config.json", text);
        self
    }

    fn docker(self, text: &str) -> Self {
        self.write(".docker/config.json", text);
        self
    }

    /// The script is written by a shell of its own: a thread that forks while we hold the file open for writing would
    /// make it "busy".
    fn program(self, name: &str, script: &str) -> Self {
        let path = self.path(&format!("bin/docker-credential-{name}"));
        let write = "mkdir -p \"${1%/*}\" && printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod 755 \"$1\"";
        let status = Command::new("/bin/sh")
            .args(["-c", write, "sh"])
            .arg(&path)
            .arg(script)
            .status()
            .unwrap();
        assert!(status.success());
        self
    }

    fn login(mut self, host: &str, login: Login) -> Self {
        self.options
            .logins
            .push((RegistryHost::new(host).unwrap(), login));
        self
    }

    fn stores(&self) -> Stores {
        let mut stores = Stores::new(self.options.clone());
        (stores.keep, stores.helpers.keep) = (Duration::ZERO, Duration::ZERO);
        stores
    }

    async fn find(&self, host: &str) -> String {
        self.found(&self.stores(), host).await
    }

    /// The answer as text, with the folder cut out.
    async fn found(&self, stores: &Stores, host: &str) -> String {
        let text = match stores.find(host).await {
            Err(error) => {
                let text = format!("{error} {error:?}");
                assert!(!text.contains(SECRET) && !text.contains("aHVudGVyMg"), "{text}");
                format!("error: {error}")
            }
            Ok((credential, origin)) => match credential {
                Credential::Anonymous => format!("anonymous from {origin}"),
                Credential::Basic { username, password } => {
                    format!("{username}:{} from {origin}", password.expose_secret())
                }
                Credential::Identity { token } => format!("identity {} from {origin}", token.expose_secret()),
                Credential::Bearer { token } => format!("bearer {} from {origin}", token.expose_secret()),
            },
        };
        text.replace(&format!("{}/", self.folder.path().display()), "~/")
    }
}

fn auth(pair: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(pair)
}

fn auths(host: &str, pair: &str) -> String {
    format!(r#"{{"auths": {{"{host}": {{"auth": "{}"}}}}}}"#, auth(pair))
}

fn password() -> Login {
    Login::Password {
        username: "flag".into(),
        password: SECRET.into(),
    }
}

#[tokio::test]
async fn the_order_of_the_stores() {
    let home = Home::new();
    assert_eq!(home.find("r.io").await, "anonymous from no store: anonymous");
    let home = home.docker(&auths("r.io", "docker:d"));
    assert_eq!(
        home.find("r.io").await,
        "docker:d from Docker's store `~/.docker/config.json`"
    );
    let home = home.helm(&auths("r.io", "helm:h"));
    assert_eq!(
        home.find("r.io").await,
        "helm:h from Helm's store `~/helm/registry/config.json`"
    );
    assert_eq!(home.find("other.io").await, "anonymous from no store: anonymous");
    let mut home = home;
    home.options.registry_config = Some(home.write("given.json", &auths("r.io", "given:g")));
    assert_eq!(
        home.find("r.io").await,
        "given:g from Helm's store `~/given.json`"
    );
    let home = home.login("R.io:443", password());
    assert_eq!(home.find("r.io").await, "flag:hunter2 from the command line");
    assert_eq!(home.find("r.io:5000").await, "anonymous from no store: anonymous");
}

#[tokio::test]
async fn a_broken_store_stops_the_search() {
    for (text, wanted) in [
        ("{\"auths\": ", "is not a JSON object"),
        ("hunter2", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        (r#"{"auths": "hunter2"}"#, "has a `auths` that is not an object"),
        (r#"{"credHelpers": {"r.io": 3}}"#, "not a string"),
        (
            r#"{"credsStore": ["hunter2"]}"#,
            "has a `credsStore` that is not a string",
        ),
        (
            r#"{"auths": {"r.io": "hunter2"}}"#,
            "has an entry `r.io` that is not an object",
        ),
        (
            r#"{"auths": {"r.io": {"auth": "hunter2!"}}}"#,
            "not `user:password` in base64",
        ),
        (
            r#"{"auths": {"r.io": {"auth": "aHVudGVyMg=="}}}"#,
            "not `user:password` in base64",
        ),
        (
            r#"{"auths": {"r.io": {"auth": "dXNlcjo="}}}"#,
            "with a user but no password",
        ),
        (r#"{"auths": {"r.io": {"auth": "OmhlbGxv"}}}"#, "or no user"),
        (
            r#"{"auths": {"r.io": {"username": "u"}}}"#,
            "with only one of user and password",
        ),
        (
            r#"{"auths": {"r.io": {"auth": 3}}}"#,
            "with a value that is not a string",
        ),
    ] {
        let found = Home::new()
            .helm(text)
            .docker(&auths("r.io", "u:p"))
            .find("r.io")
            .await;
        assert!(
            found.starts_with("error: cannot get the credentials of `r.io`: `~/helm/"),
            "{text}: {found}"
        );
        assert!(found.contains(wanted), "{text}: {found}");
    }
    let home = Home::new();
    std::fs::create_dir_all(home.path("helm/registry/config.json")).unwrap();
    assert!(home.find("r.io").await.contains("cannot be read"));
    let home = Home::new().docker(&" ".repeat(2 << 20));
    assert!(home.find("r.io").await.contains("is larger than 1 MiB"));
}

#[tokio::test]
async fn stores_that_know_nothing_are_passed_over() {
    for text in [
        "",
        "\n",
        "{}",
        r#"{"auths": null, "credHelpers": null, "credsStore": null}"#,
        r#"{"auths": {}, "credsStore": "", "credHelpers": {"r.io": ""}}"#,
        r#"{"auths": {"r.io": {}}}"#,
        r#"{"auths": {"r.io": null}}"#,
        r#"{"auths": {"r.io": {"auth": "", "username": null}}}"#,
        r#"{"auths": {"evil-r.io": {"auth": "dTpw"}, "r.io.evil": {"auth": "dTpw"}, "r.io:5000": {"auth": "dTpw"}}}"#,
    ] {
        let found = Home::new()
            .helm(text)
            .docker(&auths("r.io", "docker:d"))
            .find("r.io")
            .await;
        assert_eq!(
            found, "docker:d from Docker's store `~/.docker/config.json`",
            "{text}"
        );
    }
}

#[tokio::test]
async fn hosts_are_found_under_all_their_keys() {
    for (key, host) in [
        ("r.io", "r.io"),
        ("https://r.io", "r.io"),
        ("http://r.io/", "r.io"),
        ("https://r.io/v2/", "R.IO"),
        ("r.io/team", "r.io"),
        ("r.io:5000", "r.io:5000"),
        ("https://r.io:5000/v1/", "r.io:5000"),
        ("r.io:443", "r.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "index.docker.io"),
        ("[::1]:5000", "[::1]:5000"),
    ] {
        let found = Home::new().docker(&auths(key, "u:p:q")).find(host).await;
        assert!(found.starts_with("u:p:q from"), "{key} {host}: {found}");
    }
    let both = format!(
        r#"{{"auths": {{"r.io/a": {{"auth": "{}"}}, "https://r.io": {{"auth": "{}"}}, "r.io": {{"auth": "{}"}}}}}}"#,
        auth("a:a"),
        auth("b:b"),
        auth("c:c")
    );
    assert!(Home::new().docker(&both).find("r.io").await.starts_with("c:c"));
}

#[tokio::test]
async fn the_kinds_of_entries() {
    for (entry, wanted) in [
        (r#"{"identitytoken": "i", "auth": "dTo="}"#, "identity i"),
        (r#"{"registrytoken": "t", "identitytoken": "i"}"#, "bearer t"),
        (r#"{"username": "u", "password": "p"}"#, "u:p"),
        (
            r#"{"auth": "dTpw", "username": "other", "password": "other"}"#,
            "u:p",
        ),
        (r#"{"auth": "dTpwAAA="}"#, "u:p"),
        (r#"{"auth": "dTpw", "email": 3}"#, "u:p"),
    ] {
        let found = Home::new()
            .docker(&format!(r#"{{"auths": {{"r.io": {entry}}}}}"#))
            .find("r.io")
            .await;
        assert_eq!(
            found,
            format!("{wanted} from Docker's store `~/.docker/config.json`"),
            "{entry}"
        );
    }
}

const ANSWER: &str =
    r#"read -r server; printf '{"ServerURL":"%s","Username":"%s","Secret":"hunter2"}' "$server" "$server""#;

#[tokio::test]
async fn helpers_come_before_plain_logins() {
    let text = format!(
        r#"{{"credHelpers": {{"r.io": "one"}}, "credsStore": "two", "auths": {{"r.io": {{"auth": "{}"}}}}}}"#,
        auth("plain:p")
    );
    let home = Home::new()
        .docker(&text)
        .program("one", ANSWER)
        .program("two", &ANSWER.replace("\"Username\":\"", "\"Username\":\"2 "));
    let place = "Docker's store `~/.docker/config.json`, credential helper";
    assert_eq!(
        home.find("r.io").await,
        format!("r.io:hunter2 from {place} `one`")
    );
    assert_eq!(
        home.find("s.io").await,
        format!("2 s.io:hunter2 from {place} `two`")
    );
    assert_eq!(
        home.find("docker.io").await,
        format!("2 https://index.docker.io/v1/:hunter2 from {place} `two`")
    );
}

#[tokio::test]
async fn what_helpers_may_say() {
    let not_found = "echo 'credentials not found in native keychain'; exit 1";
    for (script, wanted) in [
        (ANSWER, "r.io:hunter2"),
        (
            r#"printf '{"Username":"<token>","Secret":"hunter2"}'"#,
            "identity hunter2",
        ),
        (
            r#"printf '{"Username":"u","Secret":"hunter2"}'; exit 1"#,
            "failed (exit status: 1); run `~/bin/docker-credential-x get`",
        ),
        ("kill -9 $$", "failed (signal: 9"),
        ("echo hunter2", "did not answer with a user and a secret"),
        (
            r#"printf '{"Secret":"hunter2"}'"#,
            "did not answer with a user and a secret",
        ),
        (
            "echo '<html>hunter2</html>'",
            "did not answer with a user and a secret",
        ),
        ("yes hunter2", "printed over 64 KiB"),
        (
            "head -c 10485760 /dev/zero; echo hunter2 >&2",
            "printed over 64 KiB",
        ),
        (
            r#"[ -z "$CHARTFERRY_OTHER$SHELL" ] && [ "$AWS_PROFILE" = acme ] && printf '{"Username":"u","Secret":"clean"}'"#,
            "u:clean",
        ),
    ] {
        let home = Home::new().docker(r#"{"credsStore": "x"}"#).program("x", script);
        let found = home.find("r.io").await;
        assert!(found.contains(wanted), "{script}: {found}");
        if found.starts_with("error") {
            assert!(
                found.contains("(it is named by `~/.docker/config.json`)"),
                "{found}"
            );
        }
    }
    let home = Home::new()
        .docker(r#"{"credsStore": "x"}"#)
        .program("x", not_found);
    assert_eq!(home.find("r.io").await, "anonymous from no store: anonymous");
    let home = Home::new()
        .program("x", not_found)
        .login("r.io", Login::Helper { program: "x".into() });
    assert!(
        home.find("r.io")
            .await
            .contains("the credential helper `x` has none; log in with it first")
    );
}

#[tokio::test]
async fn helpers_that_hang_are_stopped() {
    let home = Home::new()
        .docker(r#"{"credsStore": "x"}"#)
        .program("x", "echo $$ > \"$HOME/pid\"; exec sleep 60");
    let mut stores = home.stores();
    stores.helpers.time = Duration::from_millis(1500);
    let found = home.found(&stores, "r.io").await;
    assert!(
        found.contains("did not answer within 1 s and was stopped"),
        "{found}"
    );
    // On a machine so busy that the script did not get to its first line, being stopped is all there is to see.
    let Ok(pid) = std::fs::read_to_string(home.path("pid")) else {
        return;
    };
    let gone = async {
        while Path::new("/proc").join(pid.trim()).exists() && cfg!(target_os = "linux") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("the helper is still running");
}

#[tokio::test]
async fn helpers_are_found_by_name_and_by_path() {
    let home = Home::new().program("x", ANSWER);
    let path = home.path("bin/docker-credential-x").display().to_string();
    let home = home.login("r.io", Login::Helper { program: path });
    assert!(
        home.find("r.io")
            .await
            .starts_with("r.io:hunter2 from the credential helper")
    );
    for (program, wanted) in [
        ("../bin/docker-credential-x", "is no name of a credential helper"),
        ("x; rm", "is no name of a credential helper"),
        ("y", "`docker-credential-y` is not there or not executable"),
        (
            "/no/such/program",
            "`/no/such/program` is not there or not executable",
        ),
    ] {
        let found = Home::new()
            .login(
                "r.io",
                Login::Helper {
                    program: program.into(),
                },
            )
            .find("r.io")
            .await;
        assert!(found.contains(wanted), "{program}: {found}");
        if !program.starts_with('/') {
            let found = Home::new()
                .docker(&format!(r#"{{"credsStore": "{program}"}}"#))
                .find("r.io")
                .await;
            assert!(found.contains(wanted), "{program}: {found}");
        }
    }
    // A relative folder on the path would run what lies in the current folder.
    let mut home = Home::new()
        .program("x", ANSWER)
        .login("r.io", Login::Helper { program: "x".into() });
    home.options.variables.insert("PATH".into(), ".:bin:".into());
    assert!(home.find("r.io").await.contains("is not there or not executable"));
}

#[tokio::test]
async fn secret_files_are_read_anew() {
    let home = Home::new();
    let path = home.write("secret", "one\n");
    let home = home.login(
        "r.io",
        Login::PasswordFile {
            username: "u".into(),
            path: path.clone(),
        },
    );
    let stores = home.stores();
    assert_eq!(
        home.found(&stores, "r.io").await,
        "u:one from the file `~/secret`"
    );
    std::fs::write(&path, "two").unwrap();
    assert_eq!(
        home.found(&stores, "r.io").await,
        "u:two from the file `~/secret`"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(
        home.found(&stores, "r.io")
            .await
            .contains("secret file `~/secret` cannot be read")
    );
}

#[tokio::test]
async fn secrets_come_from_variables() {
    let login = Login::PasswordEnv {
        username: "u".into(),
        variable: "SECRET".into(),
    };
    let mut home = Home::new().login("r.io", login);
    assert!(home.find("r.io").await.contains("is not set"));
    home.options.variables.insert("SECRET".into(), SECRET.into());
    assert_eq!(home.find("r.io").await, "u:hunter2 from an environment variable");
}

#[tokio::test]
async fn whoever_asks_meanwhile_shares_one_answer() {
    let home = Home::new()
        .docker(r#"{"credsStore": "x"}"#)
        .program("x", &format!("echo x >> \"$HOME/calls\"; sleep 0.1; {ANSWER}"));
    let stores = Arc::new(Stores::new(home.options.clone()));
    let asks = (0..20).map(|number| {
        let stores = stores.clone();
        tokio::spawn(async move { stores.find(if number % 2 == 0 { "r.io" } else { "s.io" }).await })
    });
    for ask in asks.collect::<Vec<_>>() {
        assert!(matches!(ask.await.unwrap(), Ok((Credential::Basic { .. }, _))));
    }
    let calls = std::fs::read_to_string(home.path("calls")).unwrap();
    assert_eq!(calls.lines().count(), 2, "one for each host");
    assert!(!format!("{stores:?}").contains(SECRET));
}
