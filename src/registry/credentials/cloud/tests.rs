//! When clouds are asked, and how long their answers count. The services are emulations on loopback: what these answer
//! is what the vendors document.

use secrecy::ExposeSecret as _;

use super::*;
use crate::net::HostOptions;
use crate::net::testing::{Server, answer, net_with};
use crate::registry::credential::Credentials as _;
use crate::registry::credentials::{StoreOptions, Stores};

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

#[cfg(any(feature = "aws", feature = "azure", feature = "google"))]
/// The fields of a form that was posted.
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

#[cfg(feature = "google")]
#[tokio::test]
async fn one_answer_serves_all_until_it_is_refused() {
    let server = Server::start(|_, before| {
        let body = format!(r#"{{"access_token":"s3cr3t-{before}","expires_in":3600}}"#);
        answer(200, &[], body)
    })
    .await;
    let authority = server.authority();
    let clouds = Arc::new(clouds(&[], &[("GCE_METADATA_HOST", &authority)]));
    let stores = Stores::new(StoreOptions::default()).with_clouds(clouds.clone());
    let stores = Arc::new(stores);
    let asks: Vec<_> = (0..20)
        .map(|_| {
            let stores = Arc::clone(&stores);
            tokio::spawn(async move { stores.get("gcr.io").await.unwrap() })
        })
        .collect();
    let mut first = None;
    for ask in asks {
        first = Some(ask.await.unwrap());
    }
    let first = first.unwrap();
    assert_eq!(server.asked().len(), 1);
    let life = stores.renewal("gcr.io").unwrap() - Instant::now();
    assert!(life.as_secs().abs_diff(1800) <= 60, "{life:?}");
    assert_eq!(stores.renewal("other.io"), None);

    // Refused: asked again at once, although the stores keep answers for some seconds
    stores.refused("gcr.io", &first);
    let second = stores.get("gcr.io").await.unwrap();
    assert!(second != first);
    assert_eq!(server.asked().len(), 2);
    // An old one, or this one so soon again: no
    stores.refused("gcr.io", &first);
    stores.refused("gcr.io", &second);
    assert!(stores.get("gcr.io").await.unwrap() == second);
    assert_eq!(server.asked().len(), 2);
}

#[cfg(feature = "google")]
#[tokio::test]
async fn a_stored_login_comes_first() {
    let server = Server::start(|_, _| answer(200, &[], r#"{"access_token":"cloud","expires_in":60}"#)).await;
    let authority = server.authority();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("config.json"),
        r#"{"auths": {"eu.gcr.io": {"auth": "dTpw"}}}"#,
    )
    .unwrap();
    let options = StoreOptions {
        variables: [("HOME".to_owned(), home.path().display().to_string())].into(),
        ..StoreOptions::default()
    };
    let clouds = clouds(&[], &[("GCE_METADATA_HOST", &authority)]);
    let stores = Stores::new(options).with_clouds(Arc::new(clouds));
    let (_, origin) = stores.find("eu.gcr.io").await.unwrap();
    assert!(origin.to_string().starts_with("Docker's store"), "{origin}");
    assert!(server.asked().is_empty());
    let (_, origin) = stores.find("us.gcr.io").await.unwrap();
    assert_eq!(origin.to_string(), "Google: service account of the machine");
    assert_eq!(
        stores.find("r.io").await.unwrap().1.to_string(),
        "no store: anonymous"
    );
}
