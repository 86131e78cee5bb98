//! What a token service answers (registries rule 3).

use std::time::Duration;

use http::HeaderValue;
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::Instant;

use crate::registry::credential::bearer_header;

/// What no `expires_in` means.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// A token is renewed this long before its end, or at half its life, whichever is sooner.
const EARLY: Duration = Duration::from_secs(30);

/// A token and how long it is good for.
pub(in crate::registry) struct Token {
    pub(super) header: HeaderValue,
    pub(super) renew: Instant,
    pub(super) expires: Instant,
}

impl Token {
    /// A token of the store, of which nothing else is known.
    pub(in crate::registry) fn unknown(header: HeaderValue) -> Self {
        let began = Instant::now();
        Self {
            header,
            renew: began + half_or_early(DEFAULT_LIFE),
            expires: began + DEFAULT_LIFE,
        }
    }

    /// The header while there is no reason to renew it.
    pub(super) fn fresh(&self) -> Option<HeaderValue> {
        (Instant::now() < self.renew).then(|| self.header.clone())
    }
}

/// The token in an answer, and a refresh token if one came along.
///
/// A token is opaque: nothing is read out of it, even where it is a JWT and has an end of its own, as those of ACR and
/// Gitea, which answer without `expires_in`. It is addressed to the registry, other registries' look different, and its
/// end is a time on a clock that need not be ours. What that costs is one token request for each repository that is in
/// use and half a minute; a token that ends sooner is met by the 401.
pub(super) fn parse(body: &[u8], began: Instant) -> Result<(Token, Option<SecretString>), &'static str> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "its answer is not JSON")?;
    let text = |key: &str| {
        json.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
    };
    let token = text("token")
        .or_else(|| text("access_token"))
        .ok_or("its answer holds no token")?;
    let header = bearer_header(&token.into()).ok_or("its token has characters that no header may have")?;
    let life = match json.get("expires_in") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let life = life
        .filter(|seconds| *seconds >= 1.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.min(86_400.0)).ok())
        .unwrap_or(DEFAULT_LIFE);
    let token = Token {
        header,
        renew: began + half_or_early(life),
        expires: began + life,
    };
    Ok((token, text("refresh_token").map(SecretString::from)))
}

/// Half the life, or [`EARLY`] before its end, whichever is sooner.
fn half_or_early(life: Duration) -> Duration {
    match life.checked_sub(EARLY) {
        Some(early) if !early.is_zero() => early.min(life / 2),
        _ => life / 2,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn answers_of_real_services() {
        let now = Instant::now();
        for (body, header, life) in [
            (r#"{"token":"a"}"#, "Bearer a", 60),
            (r#"{"access_token":"b","expires_in":300}"#, "Bearer b", 300),
            (
                r#"{"token":"","access_token":"c","expires_in":"120"}"#,
                "Bearer c",
                120,
            ),
            (r#"{"token":"d","expires_in":0}"#, "Bearer d", 60),
            (r#"{"token":"d","expires_in":-5}"#, "Bearer d", 60),
            (r#"{"token":"d","expires_in":1e99}"#, "Bearer d", 86_400),
            // A JWT that ends in 1970: opaque all the same
            (
                r#"{"access_token":"e30.eyJleHAiOjF9.x"}"#,
                "Bearer e30.eyJleHAiOjF9.x",
                60,
            ),
        ] {
            let (token, refresh) = parse(body.as_bytes(), now).unwrap();
            assert_eq!(token.header, header);
            assert_eq!((token.expires - now).as_secs(), life, "{body}");
            assert!(token.renew <= now + Duration::from_secs(life) / 2, "{body}");
            assert!(refresh.is_none());
        }
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"token":5}"#,
            "<html>",
            r#"{"token":"a\nb"}"#,
        ] {
            assert!(parse(body.as_bytes(), now).is_err(), "{body}");
        }
        let (_, refresh) = parse(br#"{"access_token":"a","refresh_token":"next"}"#, now).unwrap();
        assert_eq!(refresh.unwrap().expose_secret(), "next");
    }
}
