//! When clouds are asked, and how long their answers count. The services are emulations on loopback: what these answer
//! is what the vendors document.

use secrecy::ExposeSecret as _;

use super::*;
use crate::net::HostOptions;
use crate::net::testing::net_with;

/// Clouds by these settings and variables; nothing of the machine's own environment counts.
pub(super) fn clouds(settings: &[(&str, Cloud)], variables: &[(&str, &str)]) -> Clouds {
    let hosts = settings.iter().map(|(host, _)| HostOptions {
        name: (*host).to_owned(),
        plain_http: true,
        ..HostOptions::default()
    });
    let settings = settings
        .iter()
        .map(|(host, cloud)| (RegistryHost::new(host).unwrap(), *cloud));
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Clouds {
        // Not the one that runs the tests: it may be a cloud's.
        #[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
        machine: machine::Machine::foreign(),
        ..Clouds::new(
            net_with(hosts.collect(), &[]),
            settings.collect(),
            variables.collect(),
        )
    }
}

/// What is found, as one line.
pub(super) async fn found(clouds: &Clouds, host: &str) -> String {
    match clouds.find(host).await {
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!text.contains("s3cr3t"), "{text}");
            format!("error: {error}")
        }
        Ok(Found::None(None)) => "no cloud".to_owned(),
        Ok(Found::None(Some(tried))) => format!("none: {tried}"),
        Ok(Found::Login(credential, origin)) => {
            assert!(!origin.to_string().contains("s3cr3t"), "{origin}");
            let what = match credential {
                Credential::Basic { username, password } => {
                    format!("{username}:{}", password.expose_secret())
                }
                Credential::Identity { token } => format!("identity {}", token.expose_secret()),
                other => format!("{other:?}"),
            };
            format!("{what} by {origin}")
        }
    }
}

/// The fields of a form that was posted.
#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
pub(super) fn fields(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn kept() -> (Slot, Credential) {
    let slot = Slot::default();
    let credential = Credential::Basic {
        username: "AWS".into(),
        password: "s3cr3t".into(),
    };
    let login = Login {
        credential: credential.clone(),
        origin: "AWS".into(),
        life: Duration::from_secs(100),
    };
    slot.keep(login, Instant::now());
    (slot, credential)
}

#[tokio::test(start_paused = true)]
async fn a_login_is_renewed_at_half_its_life() {
    let (slot, _) = kept();
    tokio::time::advance(Duration::from_secs(49)).await;
    assert!(slot.current().is_some());
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(slot.current().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_login_that_cannot_be_renewed_counts_until_its_end() {
    let (slot, _) = kept();
    let error = CloudError::Network {
        way: "AWS".into(),
        why: "down".into(),
    };
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(slot.current().is_none());
    assert!(slot.postpone(&error).is_some());
    // Not asked for again at every request meanwhile
    assert!(slot.current().is_some());
    tokio::time::advance(Duration::from_secs(40)).await;
    assert!(slot.current().is_none() && slot.postpone(&error).is_none());
    // One that the registry refused is no help
    let (slot, _) = kept();
    slot.kept.lock().unwrap().as_mut().unwrap().refused = true;
    assert!(slot.postpone(&error).is_none());
}

#[tokio::test]
async fn stores_and_settings_decide_who_is_asked() {
    const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let quiet = [("AWS_EC2_METADATA_DISABLED", "true")];
    assert_eq!(found(&clouds(&[], &quiet), "r.io").await, "no cloud");
    assert_eq!(
        found(&clouds(&[(ECR, Cloud::Off)], &quiet), ECR).await,
        "no cloud"
    );
    let none = found(&clouds(&[], &quiet), ECR).await;
    let error = found(&clouds(&[("r.io", Cloud::Aws)], &quiet), "r.io").await;
    if cfg!(feature = "aws") {
        assert!(none.starts_with("none: AWS: no `AWS_ACCESS_KEY_ID`, "), "{none}");
        assert!(error.contains("`AWS_REGION`"), "{error}");
    } else {
        assert_eq!(
            none,
            "none: AWS: this chartferry was built without the feature `aws`"
        );
        assert!(
            error.contains("without the feature `aws`; set up one of these"),
            "{error}"
        );
    }
}

/// Without a variable or a machine of theirs, no cloud is asked for anything: a laptop is not slowed.
#[tokio::test]
async fn nothing_is_asked_where_nothing_speaks_of_a_cloud() {
    let clouds = clouds(&[], &[("HOME", "/no/such/home")]);
    for host in [
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
        "acme.azurecr.io",
        "europe-docker.pkg.dev",
    ] {
        let found = found(&clouds, host).await;
        assert!(found.starts_with("none: "), "{found}");
    }
    assert!(clouds.net.traffic().is_empty(), "{:?}", clouds.net.traffic());
}

/// A developer's profile that cannot be used ends a login that was meant. A registry with content for everybody, which
/// nobody configured, may be read without.
#[cfg(feature = "aws")]
#[tokio::test]
async fn only_a_guess_at_a_public_registry_may_be_done_without() {
    const PUBLIC: &str = "public.ecr.aws";
    const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, "[profile corp]\nsso_session = corp\n").unwrap();
    let variables = [
        ("AWS_PROFILE", "corp"),
        ("AWS_CONFIG_FILE", file.to_str().unwrap()),
        ("HOME", "/no/such/home"),
    ];
    for (settings, host, wanted) in [
        (&[][..], PUBLIC, true),
        (&[][..], ECR, false),
        (&[(PUBLIC, Cloud::Aws)][..], PUBLIC, false),
    ] {
        let options = crate::registry::credentials::StoreOptions::default();
        let stores = crate::registry::credentials::Stores::new(options);
        let stores = stores.with_clouds(Arc::new(clouds(settings, &variables)));
        let error = stores.find(host).await.unwrap_err();
        assert!(error.why.contains("logs in by `sso_session`"), "{error}");
        assert_eq!(error.dispensable, wanted, "{host} {settings:?}");
    }
}
