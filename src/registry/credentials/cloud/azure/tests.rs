//! Azure's services as emulations on loopback: Entra's token endpoint, both kinds of managed identities, and the
//! registry's `oauth2/exchange`, as Microsoft documents them.

use crate::net::testing::{Answer, Asked, Server, answer};

use super::super::Cloud;
use super::super::tests::{clouds, fields, found};
use super::*;

/// A token whose payload says that it counts three hours.
fn refresh_token() -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = r#"{"iat":1700000000,"exp":1700010800,"grant_type":"refresh_token"}"#;
    format!("{}.{}.s3cr3t", part(r#"{"alg":"RS256"}"#), part(claims))
}

fn azure(asked: &Asked) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    let entra = r#"{"token_type":"Bearer","expires_in":3599,"access_token":"s3cr3t-entra"}"#;
    match (asked.method.as_str(), path) {
        ("POST", "/tenant-1/oauth2/v2.0/token") => answer(200, &[], entra),
        ("GET", "/metadata/identity/oauth2/token") if asked.header("metadata") == Some("true") => {
            answer(200, &[], entra)
        }
        ("GET", "/msi/token") if asked.header("x-identity-header") == Some("s3cr3t-header") => {
            answer(200, &[], entra)
        }
        ("POST", "/oauth2/exchange") => {
            answer(200, &[], format!(r#"{{"refresh_token":"{}"}}"#, refresh_token()))
        }
        _ => answer(404, &[], "not emulated"),
    }
}

async fn asked(variables: &[(&str, &str)]) -> (String, Vec<Asked>, String) {
    let server = Server::start(|asked, _| azure(asked)).await;
    let url = server.url.to_string();
    let base = url.trim_end_matches('/');
    let variables: Vec<(&str, String)> = variables
        .iter()
        .map(|(name, value)| (*name, value.replace("{url}", base)))
        .collect();
    let pairs: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let host = server.authority();
    let clouds = clouds(&[(&host, Cloud::Azure)], &pairs);
    (found(&clouds, &host).await, server.asked(), host)
}

#[tokio::test]
async fn a_workload_identity_gets_a_refresh_token() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cr3t-assertion\n").unwrap();
    let path = file.path().display().to_string();
    let (found, log, host) = asked(&[
        ("AZURE_FEDERATED_TOKEN_FILE", &path),
        ("AZURE_CLIENT_ID", "client-1"),
        ("AZURE_TENANT_ID", "tenant-1"),
        ("AZURE_AUTHORITY_HOST", "{url}/"),
    ])
    .await;
    let token = refresh_token();
    assert_eq!(
        found,
        format!("identity {token} by Azure: workload identity `client-1`")
    );
    assert_eq!(log.len(), 2);
    let form = fields(&log[0].body);
    assert_eq!(form["client_assertion"], "s3cr3t-assertion");
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], "https://containerregistry.azure.net/.default");
    let form = fields(&log[1].body);
    assert_eq!(form["grant_type"], "access_token");
    assert_eq!(form["service"], host);
    assert_eq!(form["tenant"], "tenant-1");
    assert_eq!(form["access_token"], "s3cr3t-entra");
}

#[tokio::test]
async fn a_client_secret_comes_before_a_federated_token() {
    let variables = [
        ("AZURE_CLIENT_SECRET", "s3cr3t-client"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/no/such/file"),
        ("AZURE_AUTHORITY_HOST", "{url}"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("AZURE_TENANT_ID", "tenant-1"),
    ];
    let (found, log, _) = asked(&variables).await;
    assert!(
        found.ends_with("by Azure: service principal `client-1`"),
        "{found}"
    );
    assert_eq!(fields(&log[0].body)["client_secret"], "s3cr3t-client");
    let (found, log, _) = asked(&variables[..4]).await;
    assert!(
        found.contains("`AZURE_CLIENT_SECRET` is set without `AZURE_TENANT_ID`"),
        "{found}"
    );
    assert!(log.is_empty());
    let (found, log, _) = asked(&variables[1..]).await;
    assert!(found.contains("`/no/such/file` is not there"), "{found}");
    assert!(log.is_empty());
    let mut elsewhere = variables;
    elsewhere[2].1 = "http://login.example";
    let (found, log, _) = asked(&elsewhere).await;
    assert!(found.contains("would get a secret without TLS"), "{found}");
    assert!(log.is_empty());
}

#[tokio::test]
async fn managed_identities_of_machines_and_apps() {
    let (found, log, _) = asked(&[
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "{url}"),
        ("AZURE_CLIENT_ID", "client-1"),
    ])
    .await;
    assert!(
        found.ends_with("by Azure: managed identity `client-1` of the machine"),
        "{found}"
    );
    assert_eq!(
        log[0].line(),
        "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net&client_id=client-1"
    );
    assert!(!fields(&log[1].body).contains_key("tenant"));
    let (found, log, _) = asked(&[
        ("IDENTITY_ENDPOINT", "{url}/msi/token"),
        ("IDENTITY_HEADER", "s3cr3t-header"),
    ])
    .await;
    assert!(
        found.ends_with("by Azure: managed identity of the system of the app"),
        "{found}"
    );
    assert!(log[0].path.contains("api-version=2019-08-01"), "{}", log[0].path);
}

#[tokio::test]
async fn refusals_name_the_step() {
    for (path, status, body, wanted) in [
        (
            "/tenant-1/",
            400,
            r#"{"error":"invalid_client","error_description":"AADSTS700211: no match for s3cr3t-client"}"#,
            "Azure: service principal `client-1`: `{url}tenant-1/oauth2/v2.0/token` answered 400: invalid_client AADSTS700211: no match for ***; the client secret may have run out",
        ),
        (
            "/oauth2/",
            401,
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
            "`{url}oauth2/exchange` answered 401: UNAUTHORIZED authentication required; give the identity the role `AcrPush`",
        ),
        ("/oauth2/", 200, "{}", "it holds no refresh token"),
        ("/tenant-1/", 200, "[]", "it holds no access token"),
    ] {
        let server = Server::start(move |asked, _| {
            if asked.path.starts_with(path) {
                answer(status, &[], body)
            } else {
                azure(asked)
            }
        })
        .await;
        let host = server.authority();
        let clouds = clouds(
            &[(&host, Cloud::Azure)],
            &[
                ("AZURE_AUTHORITY_HOST", server.url.as_str()),
                ("AZURE_CLIENT_ID", "client-1"),
                ("AZURE_TENANT_ID", "tenant-1"),
                ("AZURE_CLIENT_SECRET", "s3cr3t-client"),
            ],
        );
        let found = found(&clouds, &host).await;
        let wanted = wanted.replace("{url}", server.url.as_str());
        assert!(
            found.starts_with("error: Azure") && found.contains(&wanted),
            "{found}"
        );
    }
}

#[test]
fn lives_are_those_of_the_token() {
    assert_eq!(life(&refresh_token()), Some(Duration::from_secs(10_800)));
    let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
    assert_eq!(
        life(&token(r#"{"nbf":100,"exp":160}"#)),
        Some(Duration::from_secs(60))
    );
    for odd in [
        "opaque".to_owned(),
        "a.b.c".to_owned(),
        token("{}"),
        token(r#"{"iat":200,"exp":100}"#),
        token(r#"{"iat":-9223372036854775808,"exp":9223372036854775807}"#),
    ] {
        assert_eq!(life(&odd), None, "{odd}");
    }
}
