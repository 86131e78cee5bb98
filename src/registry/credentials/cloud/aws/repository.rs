//! Creates repositories in private ECR registries, which do not create them on push (registries 3.2).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::ask;
use super::super::host::Vendor;
use super::super::{CloudError, Clouds, Trail};
use super::api::{Api, Service};
use super::{Place, identity};
use crate::registry::{Created, CreationError, CreationFuture};
use crate::types::{RegistryHost, Repository};

/// How a repository is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRepository {
    /// Images are scanned when they are pushed.
    pub scan_on_push: bool,
    /// Tags cannot be moved.
    pub immutable_tags: bool,
    /// Encryption other than AWS's own keys.
    pub encryption: Option<Encryption>,
    /// Tags of the resource, by key.
    pub tags: BTreeMap<String, String>,
}

/// Encryption by a key service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// By KMS, with this key (its ARN, id or alias) or with the one of ECR.
    Kms(Option<String>),
    /// By KMS in two layers.
    KmsDual(Option<String>),
}

impl Clouds {
    /// Creates `repository` in the private ECR registry `host`, with the keys that a login there would use. One that
    /// exists is left as it is. The identity needs `ecr:CreateRepository`, and `ecr:TagResource` for tags.
    pub async fn create_repository(
        &self,
        host: &RegistryHost,
        repository: &Repository,
        settings: &NewRepository,
    ) -> Result<Created, CloudError> {
        let host = identity(host.as_str());
        let place = Place::of(self, &host)?;
        if place.service == Service::EcrPublic {
            return Err(CloudError::Setting {
                way: "AWS".into(),
                what: format!(
                    "repositories of `{host}` are not created by chartferry; `aws ecr-public create-repository` does it"
                ),
            });
        }
        let mut trail = Trail::default();
        let meant = self.vendor(&host).is_some_and(|(_, meant)| meant);
        let Some(keys) = self.keys.get(self, &place.region, meant, &mut trail).await? else {
            return Err(CloudError::NoKeys {
                vendor: "AWS",
                trail: trail.to_string(),
            });
        };
        let way = format!("AWS: {}: creating the repository `{repository}`", keys.origin);
        let api = Api {
            clouds: self,
            way: &way,
            place: &place,
            keys: &keys,
        };
        let answer = api.send("CreateRepository", &input(repository, settings)).await?;
        if exists(&answer.body) {
            return Ok(Created::There);
        }
        api.ask().read(&answer, &api.advice("CreateRepository"))?;
        Ok(Created::New)
    }
}

impl Clouds {
    /// The same as the settings of the host say, for whoever knows only names; `None` where the host is not AWS's.
    pub(in crate::registry::credentials) fn creation<'a>(
        &'a self,
        host: &'a str,
        repository: &'a str,
    ) -> Option<CreationFuture<'a>> {
        let (vendor, _) = self.vendor(&identity(host))?;
        (vendor == Vendor::Aws).then_some(())?;
        Some(Box::pin(async move {
            let host = RegistryHost::new(host).map_err(|error| CreationError(error.to_string()))?;
            let name = Repository::new(repository).map_err(|error| CreationError(error.to_string()))?;
            let settings = self.new_repositories.get(&identity(host.as_str()));
            let settings = settings.cloned().unwrap_or_default();
            let created = self.create_repository(&host, &name, &settings).await;
            created.map_err(|error| CreationError(error.to_string()))
        }))
    }
}

/// What `CreateRepository` is given.
fn input(repository: &Repository, settings: &NewRepository) -> Value {
    let mutability = if settings.immutable_tags {
        "IMMUTABLE"
    } else {
        "MUTABLE"
    };
    let mut input = json!({
        "repositoryName": repository.to_string(),
        "imageTagMutability": mutability,
        "imageScanningConfiguration": { "scanOnPush": settings.scan_on_push },
    });
    if let Some(encryption) = &settings.encryption {
        let (kind, key) = match encryption {
            Encryption::Kms(key) => ("KMS", key),
            Encryption::KmsDual(key) => ("KMS_DSSE", key),
        };
        input["encryptionConfiguration"] = json!({ "encryptionType": kind });
        if let Some(key) = key {
            input["encryptionConfiguration"]["kmsKey"] = json!(key);
        }
    }
    if !settings.tags.is_empty() {
        let tags = settings.tags.iter();
        input["tags"] = tags
            .map(|(key, value)| json!({ "Key": key, "Value": value }))
            .collect();
    }
    input
}

/// Whether a refusal says that the repository is there.
fn exists(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|json| {
        // Some put the model's name before it: `com.amazonaws.ecr#…`.
        ask::text(&json, "/__type").is_some_and(|kind| kind.ends_with("RepositoryAlreadyExistsException"))
    })
}
