//! The tag list and its oddities (registries 3.4, rule 15).

use super::super::server::{Answer, Request};
use super::api::{Route, error};
use super::behaviour::{Behaviour, Link, PageCap};
use super::{Oci, State};

pub(super) fn list(
    oci: &Oci,
    behaviour: &Behaviour,
    state: &State,
    route: &Route<'_>,
    request: &Request,
) -> Answer {
    if behaviour.no_tag_list {
        return error(404, "NOT_FOUND", "404 page not found");
    }
    let asked: Option<usize> = request.param("n").and_then(|n| n.parse().ok());
    let size = match size(behaviour, asked) {
        Ok(size) => size,
        Err(refusal) => return *refusal,
    };
    let all = visible(oci, behaviour, state, route.repository);
    let last = request.param("last");
    let from = match &last {
        None => 0,
        Some(last) => match all.iter().position(|tag| tag == last) {
            Some(at) => at + 1,
            None if behaviour.last_must_exist => {
                return error(404, "NAME_UNKNOWN", "the tag of `last` is unknown");
            }
            None => all.iter().filter(|tag| *tag <= last).count(),
        },
    };
    let page: Vec<String> = all[from..].iter().take(size).cloned().collect();
    let more = all.len() > from + page.len();
    let answer = Answer::status(200)
        .header("content-type", "application/json")
        .body(body(behaviour, route.repository, &page));
    let full = page.len() == size;
    let Some(last) = page
        .last()
        .filter(|_| more || (behaviour.link == Link::Always && full) || behaviour.link == Link::Loop)
    else {
        return answer;
    };
    let next = format!("/v2/{}/tags/list?last={last}&n={size}", route.repository);
    match behaviour.link {
        Link::None => answer,
        Link::Relative | Link::Always => link(answer, &next),
        Link::Absolute => link(answer, &format!("{}{next}", oci.origin)),
        Link::OtherHost => link(answer, &format!("{}{next}", oci.elsewhere())),
        Link::Loop => link(answer, &format!("/v2/{}/tags/list", route.repository)),
    }
}

fn link(answer: Answer, target: &str) -> Answer {
    answer.header("link", format!("<{target}>; rel=\"next\""))
}

/// How many tags a page has.
fn size(behaviour: &Behaviour, asked: Option<usize>) -> Result<usize, Box<Answer>> {
    let asked = match (asked, behaviour.page_cap) {
        (Some(asked), Some((most, PageCap::Error))) if asked > most => {
            return Err(Box::new(error(
                400,
                "PAGINATION_NUMBER_INVALID",
                "n is too large",
            )));
        }
        (Some(asked), Some((most, PageCap::Clamp))) => Some(asked.min(most)),
        (asked, _) => asked,
    };
    let size = match (asked, behaviour.page_size) {
        (Some(asked), Some(most)) => asked.min(most),
        (asked, most) => asked.or(most).unwrap_or(usize::MAX),
    };
    Ok(size)
}

/// The tags that are shown, in the order of the list.
fn visible(oci: &Oci, behaviour: &Behaviour, state: &State, repository: &str) -> Vec<String> {
    let now = oci.clock.now();
    let Some(content) = state.repositories.get(repository) else {
        return Vec::new();
    };
    let known = |tag: &String| state.tagged.get(&(repository.to_owned(), tag.clone()));
    let fresh = |tag: &&String| known(tag).is_some_and(|(_, written)| now < *written + behaviour.tags_stale);
    let mut tags: Vec<String> = content.tags.keys().filter(|tag| !fresh(tag)).cloned().collect();
    if behaviour.unsorted {
        tags.reverse();
    }
    tags
}

fn body(behaviour: &Behaviour, repository: &str, page: &[String]) -> String {
    let mut tags = if page.is_empty() && behaviour.null_tags {
        serde_json::Value::Null
    } else {
        serde_json::json!(page)
    };
    if let Some(members) = tags.as_array_mut() {
        if behaviour.null_member {
            members.insert(0, serde_json::Value::Null);
        }
        if behaviour.digest_member {
            members.push(serde_json::json!(format!("sha256:{}", "0".repeat(64))));
        }
    }
    serde_json::json!({ "name": repository, "tags": tags }).to_string()
}
