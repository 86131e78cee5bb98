//! The claim of a service account, signed by its key (RFC 7523, RS256).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::SecretString;
use serde_json::json;

use super::SCOPE;

/// An hour is the longest that Google takes.
const LIFE: i64 = 3600;

/// Whose claim it is and who reads it.
pub(super) struct Claim<'a> {
    pub(super) account: &'a str,
    pub(super) key_id: Option<&'a str>,
    /// The address of the token service.
    pub(super) audience: &'a str,
}

/// The signed claim at `now` (seconds since 1970); an error says what is wrong with the key.
pub(super) fn sign(claim: &Claim<'_>, key: &str, now: i64) -> Result<SecretString, &'static str> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| "its `private_key` is no PKCS #8 key in PEM")?;
    let pair =
        KeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| "its `private_key` is no usable RSA key")?;
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = claim.key_id {
        header["kid"] = json!(id);
    }
    let claims = json!({
        "iss": claim.account,
        "scope": SCOPE,
        "aud": claim.audience,
        "iat": now,
        "exp": now + LIFE,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "its `private_key` cannot sign")?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
}
