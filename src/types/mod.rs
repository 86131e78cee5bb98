//! Value types that are checked once, when they are made, and can be trusted afterwards.
//!
//! Nothing here does I/O, knows the clock or depends on another module of the crate.

mod class;
mod digest;
mod ecr;
mod name;
mod reason;
mod reference;
mod registry_kind;
mod shard;
mod size;
mod tag;
mod validators;

pub use class::Class;
pub use digest::{Digest, DigestError, Sha256Stream};
pub use ecr::{ECR_PUBLIC, EcrHost};
pub use name::{ChartName, NameError};
pub use reason::Reason;
pub use reference::{OciTarget, RegistryHost, Repository, TargetError};
pub use registry_kind::RegistryKind;
pub use shard::{Shard, ShardError};
pub use size::{ByteSize, ByteSizeError};
pub use tag::{Tag, TagError};
pub use validators::Validators;
