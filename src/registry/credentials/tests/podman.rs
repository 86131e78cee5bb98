//! Podman's stores: where they are, and their logins by namespace.

use super::*;

impl Home {
    fn podman(self, text: &str) -> Self {
        self.write("run/containers/auth.json", text);
        self
    }

    async fn find_for(&self, host: &str, repository: &str) -> String {
        let wanted = Wanted {
            repository: Some(repository),
            ..Wanted::registry(host)
        };
        match self.stores().find_for(wanted).await {
            Ok((Credential::Basic { username, .. }, _)) => username,
            Ok((other, _)) => format!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }
}

/// A store with one login for each key, whose user is the key.
fn each(keys: &[&str]) -> String {
    let entries = keys.iter().map(|key| {
        (
            (*key).to_owned(),
            serde_json::json!({ "auth": auth(&format!("{}:p", key.replace(':', "_"))) }),
        )
    });
    serde_json::json!({ "auths": entries.collect::<serde_json::Map<_, _>>() }).to_string()
}

#[tokio::test]
async fn podman_is_asked_after_helm_and_docker() {
    let stores = |home: Home| home.podman(&auths("r.io", "podman:p"));
    let home = stores(Home::new());
    if cfg!(target_os = "linux") {
        assert_eq!(
            home.find("r.io").await,
            "podman:p from Podman's store `~/run/containers/auth.json`"
        );
    }
    let home = stores(Home::new()).docker(&auths("other.io", "docker:d"));
    home.write(".config/containers/auth.json", &auths("lasting.io", "podman:p"));
    assert_eq!(
        home.find("lasting.io").await,
        "podman:p from Podman's store `~/.config/containers/auth.json`"
    );
    let home = home.docker(&auths("r.io", "docker:d"));
    assert_eq!(
        home.find("r.io").await,
        "docker:d from Docker's store `~/.docker/config.json`"
    );
    let mut home = Home::new().podman(&auths("r.io", "podman:p"));
    let given = home.write("given.json", &auths("r.io", "given:g"));
    let given = given.to_str().unwrap().to_owned();
    home.options.variables.insert("REGISTRY_AUTH_FILE".into(), given);
    assert_eq!(
        home.find("r.io").await,
        "given:g from Podman's store `~/given.json`"
    );
    // One that is broken stops the search when its turn has come, and not before
    let home = Home::new().podman("{");
    home.write(".config/containers/auth.json", "{");
    assert!(home.find("r.io").await.contains("is not a JSON object"));
    let home = home.docker(&auths("r.io", "docker:d"));
    assert!(home.find("r.io").await.starts_with("docker:d"));
}

#[tokio::test]
async fn the_longest_key_above_a_repository_counts() {
    let home = Home::new();
    let keys = [
        "r.io",
        "r.io/team",
        "r.io/team/charts/nginx",
        "r.io:5000/team",
        "docker.io/acme",
    ];
    home.write(".config/containers/auth.json", &each(&keys));
    for (host, repository, wanted) in [
        ("r.io", "other/nginx", "r.io"),
        ("r.io", "team/nginx", "r.io/team"),
        ("r.io", "team", "r.io/team"),
        ("r.io", "teams/nginx", "r.io"),
        ("r.io", "team/charts/nginx", "r.io/team/charts/nginx"),
        ("r.io", "team/charts/nginx-ingress", "r.io/team"),
        ("R.io:443", "team/x", "r.io/team"),
        ("r.io:5000", "team/x", "r.io_5000/team"),
        ("r.io:5000", "other", "Anonymous"),
        ("registry-1.docker.io", "acme/x", "docker.io/acme"),
        ("docker.io", "other/x", "Anonymous"),
        ("s.io", "team/x", "Anonymous"),
    ] {
        assert_eq!(
            home.find_for(host, repository).await,
            wanted,
            "{host} {repository}"
        );
    }
    // A namespace's login is nobody else's
    let home = Home::new();
    home.write(".config/containers/auth.json", &each(&["r.io/team"]));
    assert_eq!(home.find("r.io").await, "anonymous from no store: anonymous");
    assert_eq!(home.find_for("r.io", "other").await, "Anonymous");
    // Old keys with a scheme are the host's
    let home = Home::new();
    home.write(".config/containers/auth.json", &each(&["https://r.io/v2/"]));
    assert_eq!(home.find_for("r.io", "other").await, "https_//r.io/v2/");
    // For Docker and Helm a path means nothing: the whole host
    let home = Home::new().docker(&each(&["r.io/team"]));
    assert_eq!(home.find_for("r.io", "other").await, "r.io/team");
}

#[tokio::test]
async fn a_helper_of_podman_is_run_once_for_all_repositories() {
    let home = Home::new().program("x", &format!("echo x >> \"$HOME/calls\"; {ANSWER}"));
    home.write(
        ".config/containers/auth.json",
        r#"{"credHelpers": {"r.io": "x"}}"#,
    );
    let stores = Stores::new(home.options.clone());
    for repository in ["a", "b/c"] {
        let wanted = Wanted {
            repository: Some(repository),
            ..Wanted::registry("r.io")
        };
        let (credential, _) = stores.find_for(wanted).await.unwrap();
        assert!(matches!(credential, Credential::Basic { .. }));
    }
    let calls = || {
        std::fs::read_to_string(home.path("calls"))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(calls(), 1);
}

#[tokio::test]
async fn what_a_registry_refused_is_asked_for_again() {
    let home = Home::new()
        .docker(r#"{"credsStore": "x"}"#)
        .program("x", &format!("echo x >> \"$HOME/calls\"; {ANSWER}"));
    let mut stores = Stores::new(home.options.clone());
    let calls = || {
        std::fs::read_to_string(home.path("calls"))
            .unwrap()
            .lines()
            .count()
    };
    let (known, _) = stores.find("r.io").await.unwrap();
    stores.keep = Duration::ZERO;
    stores.find("r.io").await.unwrap();
    assert_eq!(calls(), 1, "the helper's answer is kept for longer than a file's");
    let again = |refused| Wanted {
        refused: Some(refused),
        ..Wanted::registry("r.io")
    };
    stores.find_for(again(&Credential::Anonymous)).await.unwrap();
    assert_eq!(calls(), 1, "another one was refused");
    stores.find_for(again(&known)).await.unwrap();
    assert_eq!(calls(), 2);
}
