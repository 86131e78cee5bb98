//! Signed calls of AWS's JSON protocol, and where they go.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use super::super::ask::{Answer, Ask};
use super::super::environment::Environment;
use super::super::{CloudError, Clouds};
use super::Place;
use super::keys::Keys;
use super::sign::{Scope, sign};
use crate::net::{AddressGuard, Request};
use crate::payload::Payload;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Private registries.
    Ecr,
    /// The public registry.
    EcrPublic,
}

impl Service {
    /// Its name in signatures and in permissions.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr-public",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Ecr => "AmazonEC2ContainerRegistry_V20150921",
            Self::EcrPublic => "SpencerFrontendService",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Ecr => "AWS_ENDPOINT_URL_ECR",
            Self::EcrPublic => "AWS_ENDPOINT_URL_ECR_PUBLIC",
        }
    }
}

/// The region that the environment names.
pub(super) fn region(environment: &Environment) -> Option<&str> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| environment.get(name))
        .filter(|region| region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// The domain of a region's endpoints.
pub(super) fn domain(region: &str) -> &'static str {
    const DOMAINS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("us-iso-", "c2s.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    DOMAINS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("amazonaws.com", |(_, domain)| domain)
}

/// Where a service is: at `usual`, unless the environment names another place, as the SDKs read it.
pub(super) fn endpoint(
    ask: &Ask<'_>,
    environment: &Environment,
    variable: &str,
    usual: &str,
) -> Result<Url, CloudError> {
    let ignored = environment
        .get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    for name in [variable, "AWS_ENDPOINT_URL"] {
        if let Some(text) = environment.get(name).filter(|_| !ignored) {
            return ask.url(name, text);
        }
    }
    ask.url(variable, usual)
}

/// A caller with keys.
pub(super) struct Api<'a> {
    pub(super) clouds: &'a Clouds,
    pub(super) way: &'a str,
    pub(super) place: &'a Place,
    pub(super) keys: &'a Keys,
}

impl Api<'_> {
    /// The answer of an operation.
    pub(super) async fn call(&self, operation: &str, input: &Value) -> Result<Value, CloudError> {
        let answer = self.send(operation, input).await?;
        self.ask().read(&answer, &self.advice(operation))
    }

    pub(super) fn ask(&self) -> Ask<'_> {
        let ask = Ask::new(&self.clouds.net, self.way).hiding(&self.keys.secret);
        match &self.keys.token {
            Some(token) => ask.hiding(token),
            None => ask,
        }
    }

    /// What to do about a refusal of an operation.
    pub(super) fn advice(&self, operation: &str) -> String {
        let bearer = match self.place.service {
            Service::Ecr => "",
            Service::EcrPublic => " and `sts:GetServiceBearerToken`",
        };
        format!(
            "; the identity needs `{}:{operation}`{bearer}, and the clock of this machine must be right",
            self.place.service.name()
        )
    }

    /// The answer of an operation, whatever its status.
    pub(super) async fn send(&self, operation: &str, input: &Value) -> Result<Answer, CloudError> {
        let ask = self.ask();
        let service = self.place.service;
        let url = endpoint(
            &ask,
            &self.clouds.environment,
            service.variable(),
            &self.place.endpoint,
        )?;
        let body = input.to_string().into_bytes();
        let bad = || ask.setting("the access key has characters that no header may have; correct it");
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        let target = format!("{}.{operation}", service.target());
        headers.insert(
            HeaderName::from_static("x-amz-target"),
            HeaderValue::from_str(&target).map_err(|_| bad())?,
        );
        let scope = Scope {
            region: &self.place.region,
            service: service.name(),
        };
        sign(&url, &mut headers, &body, self.keys, &scope, chrono::Utc::now()).ok_or_else(bad)?;
        let guard = AddressGuard::source(&url);
        let mut request = Request::new(Method::POST, url, guard).body(Payload::from(body));
        request.headers = headers;
        ask.send(request).await
    }
}
