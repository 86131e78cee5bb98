//! AWS's services as emulations on loopback: ECR's JSON API, STS, the agents of containers and the metadata service, as
//! AWS documents them. Signatures are tested with published values in `sign`.

use std::path::PathBuf;

use crate::net::testing::{Answer, Asked, Server, answer};
use crate::registry::Created;
use crate::types::{RegistryHost, Repository};

use super::super::tests::{clouds, fields, found};
use super::super::{Cloud, CloudError};
use super::*;

const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const STS: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
<SecretAccessKey>s3cr3t/key+</SecretAccessKey><SessionToken>s3cr3t-session==</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>\
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
const AGENT: &str = r#"{"AccessKeyId":"ASIAPOD","SecretAccessKey":"s3cr3t","Token":"s3cr3t-token","Expiration":"2030-01-01T00:00:00Z"}"#;

/// All services in one.
fn aws(asked: &Asked) -> Answer {
    let end = Utc::now().timestamp() + 43_200;
    let entry = json!({
        "authorizationToken": STANDARD.encode("AWS:s3cr3t-password"),
        "expiresAt": end,
        "proxyEndpoint": "https://x",
    });
    match (
        asked.method.as_str(),
        asked.path.as_str(),
        asked.header("x-amz-target"),
    ) {
        ("POST", "/", Some("AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")) => {
            answer(200, &[], json!({ "authorizationData": [entry] }).to_string())
        }
        ("POST", "/", Some("SpencerFrontendService.GetAuthorizationToken")) => {
            answer(200, &[], json!({ "authorizationData": entry }).to_string())
        }
        ("POST", "/", None) => answer(200, &[("content-type", "text/xml")], STS),
        ("PUT", "/latest/api/token", None) => answer(200, &[], "s3cr3t-imds"),
        ("GET", "/latest/meta-data/iam/security-credentials/", None) => answer(200, &[], "node-role\n"),
        ("GET", "/v1/credentials" | "/latest/meta-data/iam/security-credentials/node-role", None) => {
            answer(200, &[], AGENT)
        }
        _ => answer(500, &[], "not emulated"),
    }
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn path(&self) -> String {
        self.0.path().display().to_string()
    }
}

/// What is found at ECR with these variables, and what the services were asked.
async fn asked(variables: &[(&str, &str)]) -> (String, Vec<Asked>) {
    let server = Server::start(|asked, _| aws(asked)).await;
    let url = server.url.to_string();
    let base = url.trim_end_matches('/');
    let mut all: Vec<(&str, String)> = vec![
        ("AWS_ENDPOINT_URL", url.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
    ];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (*name, value.replace("{url}", base))),
    );
    let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The last of a name counts.
    (found(&clouds(&[], &pairs), ECR).await, server.asked())
}

#[tokio::test]
async fn keys_of_the_environment_get_a_password() {
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ("AWS_SESSION_TOKEN", "s3cr3t-session"),
        // Later ways, which do not count then
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file"),
        ("AWS_PROFILE", "other"),
    ];
    let (found, log) = asked(&keys).await;
    assert_eq!(
        found,
        "AWS:s3cr3t-password by AWS: access key of the environment (`AWS_ACCESS_KEY_ID`)"
    );
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(log[0].header("x-amz-security-token"), Some("s3cr3t-session"));
    assert_eq!(log[0].body, "{}");
    let signed = log[0].header("authorization").unwrap();
    assert!(
        signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{signed}"
    );
    assert!(
        signed.contains("/eu-central-1/ecr/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="),
        "{signed}"
    );
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        let (found, log) = asked(&[(name, "s3cr3t")]).await;
        assert!(found.contains("; set both") && log.is_empty(), "{found}");
    }
}

#[tokio::test]
async fn a_web_identity_takes_on_its_role() {
    let home = Home::new();
    let file = home.write("token", "s3cr3t-jwt\n");
    let role = "arn:aws:iam::123456789012:role/charts";
    let irsa = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.as_str()),
        ("AWS_ROLE_ARN", role),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/v1/credentials"),
    ];
    let (found, log) = asked(&irsa).await;
    assert_eq!(
        found,
        format!("AWS:s3cr3t-password by AWS: web identity role `{role}` (IRSA)")
    );
    assert_eq!(log.len(), 2);
    let form = fields(&log[0].body);
    assert_eq!(form["Action"], "AssumeRoleWithWebIdentity");
    assert_eq!(form["RoleArn"], role);
    assert_eq!(form["WebIdentityToken"], "s3cr3t-jwt");
    assert_eq!(log[0].header("authorization"), None);
    assert_eq!(log[1].header("x-amz-security-token"), Some("s3cr3t-session=="));
    assert!(log[1].header("authorization").unwrap().contains("ASIAROLE/"));

    let (found, log) = asked(&irsa[..1]).await;
    assert!(
        found.contains("is set without `AWS_ROLE_ARN`; annotate"),
        "{found}"
    );
    assert!(log.is_empty());
    let (found, _) = asked(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file"), irsa[1]]).await;
    assert!(
        found.contains("`/no/such/file` is not there; mount it or correct `AWS_WEB_IDENTITY_TOKEN_FILE`"),
        "{found}"
    );
    let empty = home.write("empty", "\n");
    let (found, _) = asked(&[("AWS_WEB_IDENTITY_TOKEN_FILE", &empty), irsa[1]]).await;
    assert!(found.contains("is empty"), "{found}");
}

/// A role that was begun is not passed over, and its refusal is told without the token that was sent.
#[tokio::test]
async fn a_refused_role_is_an_error() {
    let refusal = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized: s3cr3t-jwt</Message></Error></ErrorResponse>";
    let server = Server::start(move |_, _| answer(403, &[], refusal)).await;
    let home = Home::new();
    let file = home.write("token", "s3cr3t-jwt");
    let clouds = clouds(
        &[],
        &[
            ("AWS_ENDPOINT_URL_STS", server.url.as_str()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &file),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x"),
        ],
    );
    let found = found(&clouds, ECR).await;
    assert_eq!(
        found,
        format!(
            "error: AWS: web identity role `arn:aws:iam::1:role/x` (IRSA): `{}` answered 403: AccessDenied Not authorized: ***; the trust policy of the role must name this service account and its issuer",
            server.url
        )
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn pods_get_their_role_from_the_agent() {
    let home = Home::new();
    let file = home.write("token", "s3cr3t-pod\n");
    let (found, log) = asked(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/v1/credentials"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "other"),
    ])
    .await;
    assert_eq!(
        found,
        "AWS:s3cr3t-password by AWS: role of the container (EKS Pod Identity or ECS)"
    );
    assert_eq!(log[0].line(), "GET /v1/credentials");
    assert_eq!(log[0].header("authorization"), Some("s3cr3t-pod"));
    assert!(log[1].header("authorization").unwrap().contains("ASIAPOD/"));
    let (found, log) = asked(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/creds")]).await;
    assert!(
        found.contains("neither https nor an address of an agent"),
        "{found}"
    );
    assert!(log.is_empty());
}

#[tokio::test]
async fn instances_are_asked_in_version_two() {
    let (found, log) = asked(&[
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{url}/"),
    ])
    .await;
    assert_eq!(
        found,
        "AWS:s3cr3t-password by AWS: role `node-role` of the EC2 instance"
    );
    let lines: Vec<String> = log.iter().map(Asked::line).collect();
    assert_eq!(
        lines,
        [
            "PUT /latest/api/token",
            "GET /latest/meta-data/iam/security-credentials/",
            "GET /latest/meta-data/iam/security-credentials/node-role",
            "POST /"
        ]
    );
    assert_eq!(log[0].header("x-aws-ec2-metadata-token-ttl-seconds"), Some("300"));
    for asked in &log[1..3] {
        assert_eq!(asked.header("x-aws-ec2-metadata-token"), Some("s3cr3t-imds"));
    }
    // No role: nothing to log in with, which is no failure of a host that only looks like ECR
    let server = Server::start(|asked, _| match asked.method.as_str() {
        "PUT" => answer(200, &[], "t"),
        _ => answer(404, &[], ""),
    })
    .await;
    let clouds = clouds(&[], &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url.as_str())]);
    let found = super::super::tests::found(&clouds, ECR).await;
    assert!(found.ends_with("the EC2 instance has no role"), "{found}");
}

#[tokio::test]
async fn profiles_give_their_keys_and_name_what_is_not_supported() {
    let home = Home::new();
    home.write(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s3cr3t\n[half]\naws_access_key_id = AKIDFILE\n",
    );
    home.write(
        ".aws/config",
        "[profile corp]\nsso_session = corp\nregion = eu-central-1\n[default]\nregion = us-east-1\n",
    );
    let path = home.path();
    let (found, log) = asked(&[("HOME", &path)]).await;
    assert_eq!(
        found,
        format!("AWS:s3cr3t-password by AWS: profile `default` in `{path}/.aws/credentials`")
    );
    assert!(log[0].header("authorization").unwrap().contains("AKIDFILE/"));
    for (profile, wanted) in [
        (
            "corp",
            "logs in by `sso_session`, which chartferry does not do; run `aws configure export-credentials",
        ),
        (
            "half",
            "has only one of `aws_access_key_id` and `aws_secret_access_key`",
        ),
        ("gone", "no such profile in AWS's files; correct `AWS_PROFILE`"),
    ] {
        let (found, log) = asked(&[("HOME", &path), ("AWS_PROFILE", profile)]).await;
        assert!(found.starts_with("error: ") && found.contains(wanted), "{found}");
        assert!(log.is_empty());
    }
}

/// Keys that are to take on a role are not the role, in whichever of the two files each of them is.
#[tokio::test]
async fn keys_do_not_stand_in_for_what_else_a_profile_says() {
    let keys = "aws_access_key_id = AKIDBASE\naws_secret_access_key = s3cr3t\n";
    for (credentials, config, key) in [
        (
            format!("[push]\n{keys}role_arn = arn:aws:iam::1:role/push\n"),
            String::new(),
            "role_arn",
        ),
        (
            format!("[push]\n{keys}"),
            "[profile push]\nrole_arn = arn:aws:iam::1:role/push\nsource_profile = push\n".to_owned(),
            "role_arn",
        ),
        (
            format!("[push]\n{keys}"),
            "[profile push]\ncredential_process = /bin/keys\n".to_owned(),
            "credential_process",
        ),
        (
            "[push]\nsso_session = corp\n".to_owned(),
            format!("[profile push]\n{keys}"),
            "sso_session",
        ),
    ] {
        let home = Home::new();
        home.write(".aws/credentials", &credentials);
        home.write(".aws/config", &config);
        let (found, log) = asked(&[("HOME", &home.path()), ("AWS_PROFILE", "push")]).await;
        assert!(
            found.starts_with("error: ") && found.contains(&format!("logs in by `{key}`")),
            "{credentials}{config}: {found}"
        );
        assert!(log.is_empty());
    }
}

#[tokio::test]
async fn the_public_registry_has_an_api_of_its_own() {
    let server = Server::start(|asked, _| aws(asked)).await;
    let clouds = clouds(
        &[],
        &[
            ("AWS_ENDPOINT_URL_ECR_PUBLIC", server.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
            ("AWS_REGION", "eu-central-1"),
        ],
    );
    let found = found(&clouds, "public.ecr.aws").await;
    assert!(
        found.starts_with("AWS:s3cr3t-password by AWS: access key"),
        "{found}"
    );
    let log = server.asked();
    assert_eq!(
        log[0].header("x-amz-target"),
        Some("SpencerFrontendService.GetAuthorizationToken")
    );
    assert!(
        log[0]
            .header("authorization")
            .unwrap()
            .contains("/us-east-1/ecr-public/")
    );
}

#[test]
fn every_form_of_host_has_its_endpoint() {
    let clouds = clouds(&[], &[("AWS_REGION", "cn-north-1")]);
    for (host, region, endpoint) in [
        (ECR, "eu-central-1", "https://api.ecr.eu-central-1.amazonaws.com/"),
        (
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "us-east-1",
            "https://ecr-fips.us-east-1.amazonaws.com/",
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
            "https://api.ecr.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "123456789012.dkr-ecr.us-west-2.on.aws",
            "us-west-2",
            "https://ecr.us-west-2.api.aws/",
        ),
        (
            "123456789012.dkr-ecr-fips.us-west-2.on.aws",
            "us-west-2",
            "https://ecr-fips.us-west-2.api.aws/",
        ),
        (
            "charts.acme.io",
            "cn-north-1",
            "https://api.ecr.cn-north-1.amazonaws.com.cn/",
        ),
    ] {
        let place = Place::of(&clouds, host).unwrap();
        assert_eq!(
            (place.region.as_str(), place.endpoint.as_str()),
            (region, endpoint),
            "{host}"
        );
    }
    for (region, domain) in [
        ("eu-west-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ] {
        assert_eq!(api::domain(region), domain);
    }
}

/// `CreateRepository`, by the name of what is to be created.
fn repositories(asked: &Asked) -> Answer {
    let input: Value = serde_json::from_slice(&asked.body).unwrap();
    match input["repositoryName"].as_str() {
        Some("charts/old") => answer(
            400,
            &[],
            r#"{"__type":"RepositoryAlreadyExistsException","message":"it is there"}"#,
        ),
        Some("charts/denied") => answer(
            400,
            &[],
            r#"{"__type":"AccessDeniedException","message":"is not authorized to perform: ecr:CreateRepository"}"#,
        ),
        _ => answer(200, &[], r#"{"repository":{}}"#),
    }
}

#[tokio::test]
async fn repositories_are_created_as_asked_and_left_alone_if_there() {
    let server = Server::start(|asked, _| repositories(asked)).await;
    let clouds = clouds(
        &[],
        &[
            ("AWS_ENDPOINT_URL_ECR", server.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ],
    );
    let create = async |host: &str, name: &str, settings: &NewRepository| {
        let (host, name) = (RegistryHost::new(host).unwrap(), Repository::new(name).unwrap());
        clouds.create_repository(&host, &name, settings).await
    };
    let plain = NewRepository::default();
    let full = NewRepository {
        scan_on_push: true,
        immutable_tags: true,
        encryption: Some(Encryption::Kms(Some("alias/charts".into()))),
        tags: [("team".to_owned(), "a".to_owned())].into(),
    };
    assert_eq!(create(ECR, "charts/new", &full).await, Ok(Created::New));
    assert_eq!(create(ECR, "charts/old", &plain).await, Ok(Created::There));
    let error = create(ECR, "charts/denied", &plain).await.unwrap_err();
    assert!(matches!(error, CloudError::Refused { status: 400, .. }));
    let text = error.to_string();
    assert!(
        text.contains("creating the repository `charts/denied`")
            && text.contains("the identity needs `ecr:CreateRepository`"),
        "{text}"
    );
    let error = create("public.ecr.aws", "alias/x", &plain).await.unwrap_err();
    assert!(
        error.to_string().contains("aws ecr-public create-repository"),
        "{error}"
    );
    let log = server.asked();
    assert_eq!(log.len(), 3);
    let sent: Value = serde_json::from_slice(&log[0].body).unwrap();
    assert_eq!(
        sent,
        json!({
            "repositoryName": "charts/new",
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": { "scanOnPush": true },
            "encryptionConfiguration": { "encryptionType": "KMS", "kmsKey": "alias/charts" },
            "tags": [{ "Key": "team", "Value": "a" }],
        })
    );
    let sent: Value = serde_json::from_slice(&log[1].body).unwrap();
    assert_eq!(sent["imageTagMutability"], "MUTABLE");
    assert_eq!(sent.get("tags"), None);
}

/// As the run asks for it: by names alone, of whatever host.
#[tokio::test]
async fn repositories_are_created_by_name_at_hosts_of_aws_only() {
    let server = Server::start(|asked, _| repositories(asked)).await;
    let clouds = clouds(
        &[],
        &[
            ("AWS_ENDPOINT_URL_ECR", server.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
        ],
    );
    let created = clouds.creation(ECR, "charts/new").unwrap().await;
    assert_eq!(created.unwrap(), Created::New);
    let created = clouds.creation(ECR, "charts/old").unwrap().await;
    assert_eq!(created.unwrap(), Created::There);
    let error = clouds.creation(ECR, "charts/denied").unwrap().await.unwrap_err();
    assert!(error.to_string().contains("ecr:CreateRepository"), "{error}");
    assert!(clouds.creation("acme.azurecr.io", "charts/x").is_none());
    assert_eq!(server.asked().len(), 3);
}

/// Nobody said `cloud` of the host, so neither is the metadata service of a laptop asked nor that setting spoken of.
#[tokio::test]
async fn creation_without_keys_says_what_is_missing() {
    let clouds = clouds(&[], &[]);
    let error = clouds.creation(ECR, "charts/new").unwrap().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("AWS: no keys to create repositories with: no `AWS_ACCESS_KEY_ID`")
            && text.contains("this machine is no EC2 instance")
            && !text.contains("[[host]]"),
        "{text}"
    );
}

#[tokio::test]
async fn refusals_of_ecr_name_the_right_that_is_missing() {
    for (body, wanted) in [
        (
            answer_of(400, r#"{"__type":"AccessDeniedException","Message":"no"}"#),
            "AccessDeniedException no; the identity needs `ecr:GetAuthorizationToken`",
        ),
        (answer_of(200, "{}"), "it holds no token of a registry"),
        (
            answer_of(200, r#"{"authorizationData":[]}"#),
            "it holds no token of a registry",
        ),
        (
            answer_of(200, r#"{"authorizationData":[{"authorizationToken":"%%"}]}"#),
            "it holds no token of a registry",
        ),
        (answer_of(200, "<html>"), "it is not JSON"),
        (answer_of(302, ""), "answered 302"),
    ] {
        let (status, text) = body;
        let server =
            Server::start(move |_, _| answer(status, &[("location", "http://127.0.0.1:1/")], text)).await;
        let clouds = clouds(
            &[("127.0.0.1:9", Cloud::Aws)],
            &[
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ENDPOINT_URL_ECR", server.url.as_str()),
                ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "s3cr3t"),
            ],
        );
        let found = found(&clouds, "127.0.0.1:9").await;
        assert!(
            found.starts_with("error: AWS: ") && found.contains(wanted),
            "{found}"
        );
        assert_eq!(server.asked().len(), 1);
    }
}

fn answer_of(status: u16, text: &'static str) -> (u16, &'static str) {
    (status, text)
}
