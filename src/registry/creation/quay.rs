//! Quay: an organisation (or user) must exist, repositories below it come into being by a push. Its API is served by the
//! registry's own host and takes OAuth tokens alone: those with which one logs in as `$oauthtoken` (registries 3.1, 3.2).

use http::{Method, StatusCode};

use super::{Created, CreationError, Lacking, said};
use crate::registry::RegistryError;
use crate::registry::transport::{Outside, Transport};
use crate::types::Repository;

const ORGANISATIONS: &str = "/api/v1/organization/";

/// The organisation of a repository, unless it or a user of this name exists, or we may not know.
pub(super) async fn lacking(
    transport: &Transport,
    repository: &Repository,
) -> Result<Option<Lacking>, RegistryError> {
    let name = repository.as_str().split('/').next().unwrap_or_default();
    for path in [format!("{ORGANISATIONS}{name}"), format!("/api/v1/users/{name}")] {
        let answer = transport.outside(Outside::token(Method::GET, &path)).await?;
        if answer.is_none_or(|(status, _)| status != StatusCode::NOT_FOUND) {
            return Ok(None);
        }
    }
    Ok(Some(Lacking {
        what: "organisation",
        name: name.to_owned(),
    }))
}

/// Creates the organisation.
pub(super) async fn create(
    transport: &Transport,
    lacking: &Lacking,
) -> Result<Result<Created, CreationError>, RegistryError> {
    let body = serde_json::json!({ "name": lacking.name });
    let request = Outside::token(Method::POST, ORGANISATIONS).json(body.to_string());
    let Some((status, problems)) = transport.outside(request).await? else {
        let why = "Quay's API wants an OAuth token: log in as `$oauthtoken` with one that has the right `org:create`";
        return Ok(Err(CreationError(why.to_owned())));
    };
    Ok(match status {
        StatusCode::CREATED | StatusCode::OK => Ok(Created::New),
        StatusCode::BAD_REQUEST if problems.says("already exists") => Ok(Created::There),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(CreationError(format!(
            "{status}{}; the OAuth token needs the right to create organisations (`org:create`)",
            said(&problems)
        ))),
        _ => Err(CreationError(format!("{status}{}", said(&problems)))),
    })
}
