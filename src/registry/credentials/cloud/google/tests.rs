//! Google's services as emulations on loopback: its token endpoint, the security token service, impersonation and the
//! metadata service, as Google documents them. The key of the service account is made for each run.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use std::sync::Arc;

use tokio::time::Instant;

use crate::net::testing::{Answer, Asked, Server, answer};
use crate::registry::credential::{Credentials as _, Wanted};
use crate::registry::credentials::{StoreOptions, Stores};

use super::super::tests::{clouds, fields, found};
use super::*;

const HOST: &str = "europe-west1-docker.pkg.dev";

fn google(asked: &Asked) -> Answer {
    let token = |name: &str| {
        answer(
            200,
            &[],
            format!(r#"{{"access_token":"s3cr3t-{name}","expires_in":3599}}"#),
        )
    };
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/token") => token("oauth"),
        ("POST", "/v1/token") => token("federated"),
        ("POST", "/impersonate") => answer(
            200,
            &[],
            r#"{"accessToken":"s3cr3t-account","expireTime":"2999-01-01T00:00:00Z"}"#,
        ),
        ("GET", "/subject") => answer(200, &[], r#"{"value":"s3cr3t-subject"}"#),
        ("GET", "/computeMetadata/v1/instance/service-accounts/default/token")
            if asked.header("metadata-flavor") == Some("Google") =>
        {
            token("machine")
        }
        _ => answer(404, &[], "not emulated"),
    }
}

/// What is found with this file of credentials (`{url}` is the services' address).
async fn asked(file: Value) -> (String, Vec<Asked>) {
    let server = Server::start(|asked, _| google(asked)).await;
    let base = server.url.to_string();
    let text = file.to_string().replace("{url}", base.trim_end_matches('/'));
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("key.json");
    std::fs::write(&path, text).unwrap();
    std::fs::write(home.path().join("subject"), "s3cr3t-file\n").unwrap();
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("{home}", &home.path().display().to_string());
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    let clouds = clouds(&[], &[(FILE, &path), ("GCE_METADATA_HOST", "127.0.0.1:1")]);
    let found = found(&clouds, HOST).await.replace(&path, "key.json");
    (found, server.asked())
}

#[tokio::test]
async fn a_service_account_signs_for_itself() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let file = json!({
        "type": "service_account", "client_email": "charts@acme.iam.gserviceaccount.com",
        "private_key_id": "k1", "private_key": pem, "token_uri": "{url}/token",
    });
    let (found, log) = asked(file).await;
    assert_eq!(
        found,
        "oauth2accesstoken:s3cr3t-oauth by Google: service account `charts@acme.iam.gserviceaccount.com`"
    );
    let form = fields(&log[0].body);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let parts: Vec<&str> = form["assertion"].split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("{parts:?}")
    };
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let claims = read(claims);
    assert_eq!(claims["iss"], "charts@acme.iam.gserviceaccount.com");
    assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        3600
    );
    let signed = form["assertion"].rsplit_once('.').unwrap().0;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
}

#[tokio::test]
async fn a_login_of_a_person_is_refreshed() {
    let file = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s3cr3t-client",
        "refresh_token": "s3cr3t-refresh", "token_uri": "{url}/token",
    });
    let (found, log) = asked(file).await;
    assert_eq!(
        found,
        "oauth2accesstoken:s3cr3t-oauth by Google: login in `key.json`"
    );
    let form = fields(&log[0].body);
    assert_eq!(
        (form["grant_type"].as_str(), form["refresh_token"].as_str()),
        ("refresh_token", "s3cr3t-refresh")
    );
}

#[tokio::test]
async fn identities_of_elsewhere_are_exchanged() {
    let mut file = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "{url}/v1/token",
        "credential_source": { "file": "{home}/subject" },
    });
    let (found, log) = asked(file.clone()).await;
    assert_eq!(
        found,
        "oauth2accesstoken:s3cr3t-federated by Google: workload identity federation"
    );
    let form = fields(&log[0].body);
    assert_eq!(form["subject_token"], "s3cr3t-file");
    assert_eq!(
        form["grant_type"],
        "urn:ietf:params:oauth:grant-type:token-exchange"
    );
    assert!(form["audience"].ends_with("/providers/k"));

    file["credential_source"] = json!({
        "url": "{url}/subject", "headers": { "Metadata": "true" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    file["service_account_impersonation_url"] = json!("{url}/impersonate");
    file["service_account_impersonation"] = json!({ "token_lifetime_seconds": 1200 });
    let (found, log) = asked(file.clone()).await;
    assert_eq!(
        found,
        "oauth2accesstoken:s3cr3t-account by Google: workload identity federation as a service account"
    );
    assert_eq!(log[0].header("metadata"), Some("true"));
    assert_eq!(fields(&log[1].body)["subject_token"], "s3cr3t-subject");
    assert_eq!(log[2].header("authorization"), Some("Bearer s3cr3t-federated"));
    let sent: Value = serde_json::from_slice(&log[2].body).unwrap();
    assert_eq!(sent, json!({ "scope": [SCOPE], "lifetime": "1200s" }));

    file["credential_source"]["format"]["subject_token_field_name"] = json!("other");
    let (found, _) = asked(file.clone()).await;
    assert!(found.contains("names the field `other`"), "{found}");
    file["credential_source"] = json!({ "environment_id": "aws1", "url": "{url}/subject" });
    let (found, log) = asked(file).await;
    assert!(
        found.contains("from AWS or from a program, which chartferry does not do"),
        "{found}"
    );
    assert!(log.is_empty());
}

#[tokio::test]
async fn a_person_may_act_as_a_service_account() {
    let (found, log) = asked(json!({
        "type": "impersonated_service_account",
        "service_account_impersonation_url": "{url}/impersonate",
        "source_credentials": {
            "type": "authorized_user", "client_id": "c", "client_secret": "s3cr3t-client",
            "refresh_token": "s3cr3t-refresh", "token_uri": "{url}/token",
        },
    }))
    .await;
    assert_eq!(
        found,
        "oauth2accesstoken:s3cr3t-account by Google: login in `key.json` as a service account"
    );
    assert_eq!(log[1].header("authorization"), Some("Bearer s3cr3t-oauth"));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    for (file, wanted) in [
        (json!([]), "is of the type ``"),
        (
            json!({"type": "gdch_service_account"}),
            "is of the type `gdch_service_account`, which chartferry does not use",
        ),
        (json!({"type": "service_account"}), "has no `client_email`"),
        (
            json!({"type": "service_account", "client_email": "a", "private_key": "s3cr3t"}),
            "its `private_key` is no PKCS #8 key in PEM; make a new key",
        ),
        (
            json!({"type": "service_account", "client_email": "a", "private_key": "-----BEGIN PRIVATE KEY-----\ns3cr\n-----END PRIVATE KEY-----\n"}),
            "its `private_key` is no usable RSA key",
        ),
        (
            json!({"type": "authorized_user", "client_secret": "s3cr3t"}),
            "has no `refresh_token`",
        ),
        (
            json!({"type": "external_account", "audience": "a", "subject_token_type": "t"}),
            "has no `credential_source`",
        ),
        (
            json!({"type": "authorized_user", "client_id": "c", "client_secret": "s3cr3t", "refresh_token": "s3cr3t", "token_uri": "http://tokens.example/"}),
            "would get a secret without TLS",
        ),
    ] {
        let (found, log) = asked(file).await;
        assert!(
            found.starts_with("error: Google") && found.contains(wanted),
            "{found}"
        );
        assert!(log.is_empty());
    }
    let clouds = clouds(&[], &[(FILE, "/no/such/file")]);
    let found = found(&clouds, HOST).await;
    assert!(
        found.contains("`/no/such/file` is not there; mount it or correct `GOOGLE_APPLICATION_CREDENTIALS`"),
        "{found}"
    );
}

#[tokio::test]
async fn the_machine_and_the_well_known_file() {
    let server = Server::start(|asked, _| google(asked)).await;
    let authority = server.authority();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().display().to_string();
    let variables = [("GCE_METADATA_HOST", authority.as_str()), ("HOME", path.as_str())];
    let machine = found(&clouds(&[], &variables), HOST).await;
    assert_eq!(
        machine,
        "oauth2accesstoken:s3cr3t-machine by Google: service account of the machine"
    );
    let folder = home.path().join(".config/gcloud");
    std::fs::create_dir_all(&folder).unwrap();
    let file = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s3cr3t-client",
        "refresh_token": "s3cr3t-refresh", "token_uri": server.at("/token").as_str(),
    });
    std::fs::write(
        folder.join("application_default_credentials.json"),
        file.to_string(),
    )
    .unwrap();
    let person = found(&clouds(&[], &variables), HOST).await;
    assert!(
        person.starts_with("oauth2accesstoken:s3cr3t-oauth by Google: login in"),
        "{person}"
    );
}

#[test]
fn lives_are_believed_within_reason() {
    for (json, wanted) in [
        ("3599", Some(3599)),
        ("\"86399\"", Some(86_399)),
        ("1e99", Some(86_400)),
        ("0", None),
        ("-5", None),
        ("\"soon\"", None),
        ("null", None),
    ] {
        let value: Value = serde_json::from_str(json).unwrap();
        assert_eq!(seconds(Some(&value)).map(|life| life.as_secs()), wanted, "{json}");
    }
    assert_eq!(seconds(None), None);
}

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
            tokio::spawn(async move { stores.get(Wanted::registry("gcr.io")).await.unwrap() })
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
    let after = |refused| Wanted {
        refused: Some(refused),
        ..Wanted::registry("gcr.io")
    };
    let second = stores.get(after(&first)).await.unwrap();
    assert!(second != first);
    assert_eq!(server.asked().len(), 2);
    // An old one, or this one so soon again: no
    assert!(stores.get(after(&first)).await.unwrap() == second);
    assert!(stores.get(after(&second)).await.unwrap() == second);
    assert_eq!(server.asked().len(), 2);
}

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
