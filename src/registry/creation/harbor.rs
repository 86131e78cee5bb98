//! Harbor: a project must exist, repositories below it come into being by a push. Its API is served by the registry's own
//! host; `POST /api/v2.0/projects` creates a project, 409 says that it is there (registries 3.2).

use http::{Method, StatusCode};

use super::{Created, CreationError, Lacking, said};
use crate::registry::RegistryError;
use crate::registry::transport::{Outside, Transport};
use crate::types::Repository;

const PROJECTS: &str = "/api/v2.0/projects";

/// The project of a repository, unless it exists or we may not know.
pub(super) async fn lacking(
    transport: &Transport,
    repository: &Repository,
) -> Result<Option<Lacking>, RegistryError> {
    let project = repository.as_str().split('/').next().unwrap_or_default();
    let query = format!("project_name={project}");
    let request = Outside::password(Method::HEAD, PROJECTS).query(query);
    let answer = transport.outside(request).await?;
    Ok(answer
        .is_some_and(|(status, _)| status == StatusCode::NOT_FOUND)
        .then(|| Lacking {
            what: "project",
            name: project.to_owned(),
        }))
}

/// Creates a private project.
pub(super) async fn create(
    transport: &Transport,
    lacking: &Lacking,
) -> Result<Result<Created, CreationError>, RegistryError> {
    let body = serde_json::json!({ "project_name": lacking.name, "metadata": { "public": "false" } });
    let request = Outside::password(Method::POST, PROJECTS).json(body.to_string());
    let Some((status, problems)) = transport.outside(request).await? else {
        let why = "Harbor's API wants a user and a password, and the login is another one";
        return Ok(Err(CreationError(why.to_owned())));
    };
    Ok(match status {
        StatusCode::CREATED | StatusCode::OK => Ok(Created::New),
        StatusCode::CONFLICT => Ok(Created::There),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(CreationError(format!(
            "{status}{}; the account needs the right to create projects (a system administrator gives it, to a robot as `create` of `project`)",
            said(&problems)
        ))),
        _ => Err(CreationError(format!("{status}{}", said(&problems)))),
    })
}
