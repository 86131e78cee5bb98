//! What may be done in the repositories of a target: reading by their tag lists, writing by uploads that are opened and
//! cancelled, and how tag lists are paged.

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use super::check::{Checks, Status, names};
use super::limit::{LOOK, REPOSITORIES, within};
use crate::registry::{NextPage, Refusal, Registry, RegistryError, TagList};
use crate::report::count;
use crate::types::Repository;

/// Repositories that are looked at at once.
const WIDTH: usize = 8;

/// Names in a sentence; JSON has all.
const SHOWN: usize = 5;

/// The last component of the repository that is asked for where nobody knows the charts. It need not exist.
pub(super) const STAND_IN: &str = "chartferry-doctor";

/// The checks of this module, for whoever skips them.
pub(super) const IDS: [&str; 3] = ["pull", "push", "paging"];

/// What is looked at.
pub(super) struct Wanted {
    pub(super) repositories: Vec<Repository>,
    /// The only one is a stand-in for charts that nobody has named.
    pub(super) stand_in: bool,
    /// Mirrors whose repositories are not known, since their indexes could not be read.
    pub(super) unknown: Vec<String>,
}

/// One repository.
struct Seen {
    repository: Repository,
    tags: Result<TagList, Trouble>,
    push: Result<(), Trouble>,
}

/// Why a look led to nothing.
struct Trouble {
    missing: bool,
    text: String,
}

impl Trouble {
    /// Judged as a run judges it. `listed`: the tags of the repository could be listed.
    fn new(error: &RegistryError, listed: bool, registry: &Registry) -> Self {
        Self {
            missing: error.refusal(listed, registry.kind()) == Some(Refusal::Missing),
            text: error.to_string(),
        }
    }
}

/// Looks at all of them.
pub(super) async fn examine(registry: &Registry, wanted: Wanted, checks: &mut Checks) {
    let end = Instant::now() + REPOSITORIES;
    let (stand_in, unknown) = (wanted.stand_in, wanted.unknown);
    let looks = wanted
        .repositories
        .into_iter()
        .map(|repository| look(registry, repository, end));
    let mut seen: Vec<Seen> = stream::iter(looks).buffer_unordered(WIDTH).collect().await;
    seen.sort_by(|a, b| a.repository.cmp(&b.repository));
    pull(&seen, checks);
    push(&seen, stand_in, checks);
    missing(&seen, stand_in, checks);
    if !unknown.is_empty() {
        let text = format!(
            "those of {} are not known, since the index could not be read: they were not looked at",
            names(&unknown, SHOWN)
        );
        checks.warn("repositories", text);
    }
    paging(registry, &seen, checks).await;
}

async fn look(registry: &Registry, repository: Repository, end: Instant) -> Seen {
    let until = || (Instant::now() + LOOK).min(end);
    let late = || Trouble {
        missing: false,
        text: format!("no answer about `{repository}` in time"),
    };
    let tags = match timeout_at(until(), Box::pin(registry.list_tags(&repository))).await {
        Ok(outcome) => outcome.map_err(|error| Trouble::new(&error, false, registry)),
        Err(_) => Err(late()),
    };
    let listed = tags.as_ref().is_ok_and(|list| list.found);
    let push = match timeout_at(until(), Box::pin(registry.check_push(&repository))).await {
        Ok(outcome) => outcome.map_err(|error| Trouble::new(&error, listed, registry)),
        Err(_) => Err(late()),
    };
    Seen {
        repository,
        tags,
        push,
    }
}

fn repositories(number: usize) -> String {
    match number {
        1 => "1 repository".to_owned(),
        _ => format!("{number} repositories"),
    }
}

fn pull(seen: &[Seen], checks: &mut Checks) {
    let denied: Vec<(&Repository, &Trouble)> = seen
        .iter()
        .filter_map(|one| Some((&one.repository, one.tags.as_ref().err()?)))
        .filter(|(_, trouble)| !trouble.missing)
        .collect();
    let odd: Vec<&Repository> = seen
        .iter()
        .filter(|one| one.tags.as_ref().is_ok_and(|list| !list.trusted))
        .map(|one| &one.repository)
        .collect();
    if let Some(text) = trouble("cannot be read", seen.len(), &denied) {
        checks.about(
            "pull",
            Status::Failure,
            text,
            texts(denied.iter().map(|(name, _)| *name)),
        );
        return;
    }
    if !odd.is_empty() {
        let text = format!(
            "the tag list of {} ends oddly or is missing, so every tag is looked at by itself, which costs a request a version",
            names(&odd, SHOWN)
        );
        checks.about("pull", Status::Warning, text, texts(odd));
        return;
    }
    // What is missing has a check of its own.
    let known: Vec<(&Repository, usize)> = seen
        .iter()
        .filter_map(|one| Some((&one.repository, one.tags.as_ref().ok()?.tags.len())))
        .collect();
    let tags: usize = known.iter().map(|(_, tags)| tags).sum();
    let empty = known.iter().filter(|(_, tags)| *tags == 0).count();
    let tags = count(u64::try_from(tags).unwrap_or(u64::MAX), "tag");
    let all = repositories(known.len());
    match known.as_slice() {
        [] => checks.skip(&["pull"], "there is no repository to be read"),
        [(one, 0)] => checks.ok("pull", format!("`{one}` may be read; it has no tags yet")),
        [(one, _)] => checks.ok("pull", format!("`{one}` may be read; it has {tags}")),
        _ if empty == 0 => checks.ok("pull", format!("{all} may be read, with {tags}")),
        _ => checks.ok(
            "pull",
            format!("{all} may be read, with {tags}; {empty} have none yet"),
        ),
    }
}

fn push(seen: &[Seen], stand_in: bool, checks: &mut Checks) {
    let denied: Vec<(&Repository, &Trouble)> = seen
        .iter()
        .filter_map(|one| Some((&one.repository, one.push.as_ref().err()?)))
        .filter(|(_, trouble)| !trouble.missing)
        .collect();
    if let Some(text) = trouble("cannot be written", seen.len(), &denied) {
        checks.about(
            "push",
            Status::Failure,
            text,
            texts(denied.iter().map(|(name, _)| *name)),
        );
        return;
    }
    let open = seen.iter().filter(|one| one.push.is_ok()).count();
    match seen {
        _ if open == 0 => checks.skip(&["push"], "there is no repository to open an upload in"),
        [one] if stand_in => checks.ok(
            "push",
            format!(
                "an upload was opened in `{}`, which stands for the charts to come, and cancelled",
                one.repository
            ),
        ),
        [one] => checks.ok(
            "push",
            format!("an upload was opened in `{}` and cancelled", one.repository),
        ),
        _ => checks.ok(
            "push",
            format!("an upload was opened in {} and cancelled", repositories(open)),
        ),
    }
}

/// All missing repositories at once (registries rule 14).
fn missing(seen: &[Seen], stand_in: bool, checks: &mut Checks) {
    let is_missing = |one: &&Seen| {
        let outcomes = [one.tags.as_ref().err(), one.push.as_ref().err()];
        outcomes.into_iter().flatten().any(|trouble| trouble.missing)
    };
    let missing: Vec<&Repository> = seen
        .iter()
        .filter(is_missing)
        .map(|one| &one.repository)
        .collect();
    let first = seen.iter().find(is_missing).and_then(|one| {
        let outcomes = [one.push.as_ref().err(), one.tags.as_ref().err()];
        outcomes.into_iter().flatten().find(|trouble| trouble.missing)
    });
    let Some(first) = first else { return };
    if stand_in {
        let text = format!(
            "the registry does not create repositories by itself: create one for each chart before a migration ({})",
            first.text
        );
        checks.about("repositories", Status::Warning, text, texts(missing));
        return;
    }
    let text = format!(
        "{} of {} do not exist, and the registry does not create them: {}; create them first ({})",
        missing.len(),
        repositories(seen.len()),
        names(&missing, SHOWN),
        first.text
    );
    checks.about("repositories", Status::Failure, text, texts(missing));
}

fn trouble(what: &str, all: usize, denied: &[(&Repository, &Trouble)]) -> Option<String> {
    let (_, first) = denied.first()?;
    Some(match denied.len() {
        1 => first.text.clone(),
        number => format!(
            "{number} of {} {what}: {}; the first answer: {}",
            repositories(all),
            names(denied.iter().map(|(name, _)| *name), SHOWN),
            first.text
        ),
    })
}

fn texts<'a>(repositories: impl IntoIterator<Item = &'a Repository>) -> Vec<String> {
    repositories.into_iter().map(ToString::to_string).collect()
}

/// Asks the repository with the most tags for one page of one.
async fn paging(registry: &Registry, seen: &[Seen], checks: &mut Checks) {
    let lists = seen
        .iter()
        .filter_map(|one| Some((&one.repository, one.tags.as_ref().ok()?)));
    let Some((repository, list)) = lists
        .filter(|(_, list)| list.tags.len() > 1)
        .max_by_key(|(_, list)| list.tags.len())
    else {
        checks.skip(&["paging"], "no repository has two tags to be paged through");
        return;
    };
    let end = list.tags.iter().max().map_or("", |tag| &**tag);
    let pages = within(async {
        let first = registry.tag_page(repository, 1, None).await?;
        // What a list without `n` leaves out, a page after its last tag has.
        let beyond = registry.tag_page(repository, 1, Some(end)).await;
        Ok::<_, RegistryError>((first, beyond.ok()))
    });
    let (first, beyond) = match pages.await {
        Ok(Ok(pages)) => pages,
        Ok(Err(error)) => {
            let text = format!("the registry lists tags, but not by pages; nothing depends on it: {error}");
            checks.ok("paging", text);
            return;
        }
        Err(late) => return checks.warn("paging", late),
    };
    let more = beyond.is_some_and(|page| page.tags.iter().any(|tag| !list.tags.contains(tag)));
    match (first.next, first.tags.len()) {
        _ if more => checks.about(
            "paging",
            Status::Warning,
            format!(
                "the tag list of `{repository}` ends early and does not say so (no `Link`): versions that it leaves out are pushed again"
            ),
            vec![repository.to_string()],
        ),
        (NextPage::Link, _) => checks.ok("paging", "tag lists come in pages that a `Link` joins"),
        (NextPage::Odd, _) => checks.warn(
            "paging",
            "tag lists come in pages whose `Link` leads to another host, where it is not followed: correct the external URL of the registry",
        ),
        (NextPage::None, 0..=1) => {
            checks.ok("paging", "tag lists come in pages only if asked for (`n`), which is not done");
        }
        (NextPage::None, _) => checks.ok("paging", "tag lists come whole, without pages"),
    }
}
