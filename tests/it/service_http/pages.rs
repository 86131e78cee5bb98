//! What is on the pages: the state at a glance, nothing unescaped, and not too much of anything.

use std::fmt::Write as _;

use chartferry::service::page::{self, OverviewQuery, VersionsQuery};
use chartferry::service::view::{Role, ServiceView};
use proptest::prelude::*;

use super::samples;
use super::server::Server;

fn overview(view: &ServiceView, query: &str) -> String {
    page::overview(view, &OverviewQuery::parse(query))
}

/// The text of a page without its tags, style and blanks.
fn words(html: &str) -> String {
    let mut out = String::new();
    let body = html.split("</style>").nth(1).unwrap_or(html);
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        if matches!(tag, "p" | "tr" | "li" | "h1" | "h2" | "/td" | "/th" | "/h1") {
            out.push(' ');
        }
        out.push_str(text);
    }
    // Not `split_whitespace`: the narrow blanks of numbers are to be seen
    out.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn says(html: &str, parts: &[&str]) {
    let words = words(html);
    for part in parts {
        assert!(words.contains(part), "`{part}` is not in: {words}");
    }
}

#[test]
fn the_first_sentence_says_what_is_wrong_and_since_when() {
    let one = |mirror| samples::service(vec![mirror]);
    for (view, parts) in [
        (
            samples::twelve(),
            &[
                "2 of 12 mirrors fail",
                "The longest since 24 Nov, 18:40 UTC, 30 h ago.",
                "1 more needs attention.",
                "1 has not run yet.",
                "1 run goes on.",
            ][..],
        ),
        (
            one(samples::failing(0)),
            &["The mirror fails", "Since 25 Nov, 18:40 UTC, 6 h ago."],
        ),
        (
            one(samples::drifted(0)),
            &["The mirror needs attention", "Since 23 Nov, 20:40 UTC"],
        ),
        (
            one(samples::calm(0)),
            &["The mirror is in place", "Next run in 29 min."],
        ),
        (one(samples::waiting(0)), &["The mirror has not run yet"]),
        (one(samples::first_run(0)), &["The mirror has not run yet"]),
        (
            samples::service((0..12).map(samples::calm).collect()),
            &["All 12 mirrors are in place"],
        ),
        (
            samples::service((0..3).map(samples::waiting).collect()),
            &["None of 3 mirrors has run yet"],
        ),
        (samples::service(Vec::new()), &["There are no mirrors"]),
    ] {
        says(&overview(&view, ""), parts);
    }
}

#[test]
fn the_worst_is_the_first() {
    let html = overview(&samples::twelve(), "");
    let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    // Failing for 30 h, then for 6 h, then trouble, then what runs, waits and is well
    let order = [
        "/mirrors/harbor\"",
        "/mirrors/bitnami\"",
        "/mirrors/prometheus-community\"",
        "/mirrors/csi-driver-nfs\"",
        "/mirrors/cilium\"",
        "/mirrors/ingress-nginx\"",
    ];
    for pair in order.windows(2) {
        assert!(at(pair[0]) < at(pair[1]), "{pair:?}");
    }
    says(
        &html,
        &[
            "failing for 6 h, since 25 Nov, 18:40 UTC, 9 runs in a row",
            "answered 503 Service Unavailable 5 times in 42 s",
            "Last run 4 min ago: source unusable. Last success 6 h ago. Next run in 56 min, backing off after failures.",
            "It never succeeded.",
            "https://charts.example.org/bitnami → to oci://registry.acme.io/charts",
            "carrying versions, 471 of 1\u{202f}240 versions, 2 failed",
        ],
    );
    assert!(html.contains(
        r#"<time datetime="2026-11-25T18:40:00Z" title="2026-11-25 18:40:00 UTC">25 Nov, 18:40 UTC</time>"#
    ));
    assert!(html.contains(r#"<progress aria-label="Versions carried" max="1240" value="471">"#));
}

#[test]
fn mirrors_are_found_filtered_and_sorted() {
    let view = samples::two_hundred();
    let mirrors = |query: &str| {
        let html = overview(&view, query);
        let links = html.split("href=\"/mirrors/").skip(1);
        let mut names: Vec<_> = links
            .map(|link| link.split(['"', '#']).next().unwrap().to_owned())
            .collect();
        names.dedup();
        names
    };
    assert_eq!(mirrors("").len(), 200);
    assert_eq!(mirrors("state=failing").len(), 26);
    assert_eq!(mirrors("q=HARBOR"), mirrors("q=harbor+charts.example"));
    assert_eq!(mirrors("q=harbor").len(), 16);
    assert_eq!(mirrors("q=no-such-mirror").len(), 0);
    let by_name = mirrors("sort=name");
    assert!(by_name.is_sorted() && by_name.len() == 200);
    says(
        &overview(&view, "q=nothing-like-it"),
        &["No mirror is like that."],
    );
}

#[test]
fn a_crowd_is_a_table_and_not_a_wall_of_cards() {
    let html = overview(&samples::two_hundred(), "");
    assert_eq!(html.matches("class=\"card ").count(), 3 * 5);
    assert_eq!(html.matches("<tr><th scope=\"row\"").count(), 200 - 3 * 5 + 2);
    assert!(html.len() < 400_000, "{} bytes", html.len());
    let many = samples::service((0..450).map(samples::calm).collect());
    says(&overview(&many, "page=3"), &["page 3 of 3"]);
    assert_eq!(
        overview(&many, "page=3").matches("<tr><th scope=\"row\"").count(),
        50 + 2
    );
}

#[test]
fn a_page_takes_one_request_and_leads_only_to_places_that_exist() {
    let server = Server::of(samples::twelve());
    for path in ["/", "/mirrors/harbor", "/mirrors/argo/versions?q=web&page=2"] {
        let body = server.get(path).body;
        for attribute in ["src=\"", "srcset=\"", "href=\"http", "action=\"http", "@import"] {
            assert!(!body.contains(attribute), "{path}: {attribute}");
        }
        for link in body.split("href=\"/").skip(1) {
            let link = format!("/{}", link.split('"').next().unwrap().replace("&amp;", "&"));
            let link = link.split('#').next().unwrap();
            assert_eq!(server.get(link).status, 200, "{path} leads to {link}");
        }
    }
}

#[test]
fn a_page_reloads_with_its_search_until_it_is_told_not_to() {
    let view = samples::twelve();
    let live = overview(&view, "q=nginx&sort=name");
    assert!(live.contains(r#"<meta http-equiv="refresh" content="10">"#));
    assert!(live.contains(r#"href="/?q=nginx&amp;sort=name&amp;live=off""#));
    // What is being typed would be lost, so there is nothing to type into
    assert!(!live.contains("<form") && live.contains("Looking for “<bdi>nginx</bdi>”."));
    let still = overview(&view, "q=nginx&live=off");
    assert!(!still.contains("http-equiv") && still.contains(r#"href="/?q=nginx""#));
    // A search on a page that stands still stays on one
    assert!(still.contains(r#"value="nginx""#));
    assert!(still.contains(r#"<input type="hidden" name="live" value="off">"#));
    let calm = overview(&samples::service(vec![samples::calm(0)]), "");
    assert!(calm.contains(r#"content="60""#));
    let versions = page::versions(&view, &view.mirrors[0], Ok(&[]), &VersionsQuery::default());
    assert!(!versions.contains("http-equiv"));
}

#[test]
fn a_mirror_says_everything_that_is_known_of_it() {
    let view = samples::twelve();
    let harbor = page::mirror(&view, &view.mirrors[8], true, true);
    says(
        &harbor,
        &[
            "Failing for 30 h, since 24 Nov, 18:40 UTC, 60 runs in a row. It never succeeded.",
            "web 2.3.1 failed 30 h ago",
            "https://charts.example.org/harbor/web-2.3.1.tgz answered 404 Not Found",
            "Web Shop 1.0.0 refused 30 days ago",
            "every 30 minutes, */30 * * * * (UTC)",
            "2 failed 1 refused",
        ],
    );
    assert!(harbor.contains("/api/v1/mirrors/harbor/run"));
    let argo = page::mirror(&view, &view.mirrors[5], true, false);
    says(
        &argo,
        &[
            "oci://registry.acme.io/charts/argo:4.12.0",
            "oci://registry.acme.io/charts/argo --version 4.11.0+build.7",
            "oci://registry.acme.io/charts/argo@sha256:",
            "Runs can be started over HTTP once",
        ],
    );
    let bitnami = page::mirror(&view, &view.mirrors[4], true, true);
    says(
        &bitnami,
        &["until 01:36 UTC: after 9 failures in a row it runs less often than its schedule says"],
    );
}

#[test]
fn versions_are_filtered_and_paged() {
    let view = samples::twelve();
    let rows = samples::versions("web", 450);
    let page = |query: &str| page::versions(&view, &view.mirrors[0], Ok(&rows), &VersionsQuery::parse(query));
    let lines = |query: &str| page(query).matches("<tr><th scope=\"row\"").count() - 2;
    assert_eq!(
        (lines(""), lines("page=3"), lines("standing=failed")),
        (200, 50, 12)
    );
    says(&page("standing=failed"), &["12 of 450 versions", "answered 404"]);
    says(&page("page=3"), &["page 3 of 3"]);
    says(&page("q=none"), &["No version is like that."]);
}

#[test]
fn what_concerns_all_is_above_everything() {
    let mut view = samples::twelve();
    view.role = Role::Standby {
        leader: Some("chartferry-1".into()),
    };
    view.config.refused = Some((
        samples::minutes_ago(8),
        "config.toml:3:1: `sorce` is not a key".into(),
    ));
    for html in [
        overview(&view, ""),
        page::mirror(&view, &view.mirrors[0], true, true),
    ] {
        says(
            &html,
            &[
                "This replica is on standby. chartferry-1 runs the mirrors.",
                "of 00:32 UTC (8 min ago) was refused. The mirrors run by the file of 23 Nov, 00:40 UTC.",
                "config.toml:3:1: `sorce` is not a key",
            ],
        );
        assert!(html.find("standby").unwrap() < html.find("<h1").unwrap());
    }
}

/// Every page of a service in which every foreign text is `text`.
fn all_pages(text: &str) -> Vec<String> {
    let view = samples::hostile(text);
    let mut rows = samples::versions(text, 7);
    for row in &mut rows {
        row.target = text.into();
        row.reference = row.reference.as_ref().map(|_| text.into());
        row.version = text.into();
        row.trouble = view.mirrors[0].last.as_ref().map(|last| last.warnings[0].clone());
    }
    // It finds nothing, whatever the text is, so that the pages differ in nothing else
    let mut query = String::from("zzzz-");
    for byte in text.bytes() {
        _ = write!(query, "%{byte:02x}");
    }
    let search = format!("q={query}&state={query}&sort={query}&live=off");
    let versions = VersionsQuery::parse(&format!("q={query}"));
    let mirror = &view.mirrors[0];
    vec![
        overview(&view, ""),
        overview(&view, &search),
        overview(&view, &search.replace("&live=off", "")),
        overview(&view, "sort=versions"),
        page::mirror(&view, mirror, true, true),
        page::versions(&view, mirror, Ok(&rows), &VersionsQuery::default()),
        page::versions(&view, mirror, Ok(&rows), &versions),
        page::versions(&view, mirror, Err(text), &versions),
    ]
}

/// The tags of a page with the names of their attributes, without any value or text.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(begin) = rest.find('<') {
        rest = &rest[begin + 1..];
        let (mut tag, mut quoted, mut end) = (String::new(), false, rest.len());
        for (at, c) in rest.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = at;
                    break;
                }
                _ if quoted => {}
                _ => tag.push(c),
            }
        }
        // Code in sentences is drawn from backticks, by intention
        if !matches!(&*tag, "code" | "/code") {
            tags.push(tag);
        }
        rest = &rest[end..];
    }
    tags
}

fn is_harmless(text: &str) {
    for (html, calm) in all_pages(text).into_iter().zip(all_pages("a")) {
        // Data that makes or breaks no tag leaves the same tags as the letter `a`
        let differs = skeleton(&html)
            .into_iter()
            .zip(skeleton(&calm))
            .find(|(tag, calm)| tag != calm);
        assert_eq!(differs, None, "{text:?}");
        assert_eq!(skeleton(&html).len(), skeleton(&calm).len(), "{text:?}");
        let body = html.split("</style>").nth(1).unwrap();
        // What is wrong with a file has lines, and there they are ours
        let (before, lines) = body.split_once("<pre>").unwrap_or((body, ""));
        let lines = lines.replacen('\n', " ", text.lines().count());
        for c in before.chars().chain(lines.chars()) {
            let hidden = c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            assert!(!hidden, "{c:?} of {text:?} is on the page");
        }
    }
}

#[test]
fn nasty_names_are_text() {
    let long = "x".repeat(300);
    for text in [
        samples::NASTY,
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "]]><!--",
        "{{7*7}} ${7*7}",
        "\u{202e}\u{2066}abc",
        "&lt;b&gt;",
        "a\nb\r\tc\0",
        "مرحبا",
        &long,
    ] {
        is_harmless(text);
    }
    let html = overview(&samples::hostile(samples::NASTY), "");
    assert!(html.contains(
        "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;amp;\\u{202e}gnp.exe\\0\\u{1b}[31m\\u{200b}"
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_text_gets_out_of_its_place(text in "[<>\"'&/=a-z\\PC\\p{Cc}\\p{Cf} -]{1,40}") {
        is_harmless(&text);
    }
}

fn pages_for_the_eye() -> Vec<(&'static str, String)> {
    let mut one_runs = samples::service(vec![samples::running(0)]);
    one_runs.in_flight = (3, 64);
    let mut banners = samples::twelve();
    banners.role = Role::Standby {
        leader: Some("chartferry-5d4f8b7c9-x2kqp".into()),
    };
    banners.config.refused = Some((
        samples::minutes_ago(8),
        "config.toml:41:1: `sorce` is not a key of `[[mirror]]`; did you mean `source`?\nconfig.toml:58:9: `*/61` is beyond the field".into(),
    ));
    let twelve = samples::twelve();
    let nasty = samples::hostile(samples::NASTY);
    let long = samples::hostile(&"x".repeat(300));
    let of = |view: &ServiceView, at: usize| page::mirror(view, &view.mirrors[at], true, true);
    let rows = samples::versions("cert-manager", 450);
    let versions = page::versions(&twelve, &twelve.mirrors[1], Ok(&rows), &VersionsQuery::default());
    let first = samples::service(vec![samples::first_run(0), samples::waiting(1)]);
    vec![
        (
            "one-calm",
            overview(&samples::service(vec![samples::calm(0)]), ""),
        ),
        ("one-runs", overview(&one_runs, "")),
        (
            "one-fails",
            overview(&samples::service(vec![samples::failing(0)]), ""),
        ),
        ("first", overview(&first, "")),
        ("twelve", overview(&twelve, "")),
        (
            "twelve-calm",
            overview(&samples::service((0..12).map(samples::calm).collect()), ""),
        ),
        ("twelve-find", overview(&twelve, "live=off&q=c&sort=next")),
        ("two-hundred", overview(&samples::two_hundred(), "")),
        (
            "two-hundred-by-name",
            overview(&samples::two_hundred(), "sort=name"),
        ),
        ("banners", overview(&banners, "")),
        ("nasty", overview(&nasty, "")),
        ("long", overview(&long, "")),
        ("mirror-calm", of(&twelve, 1)),
        ("mirror-fails", of(&twelve, 4)),
        ("mirror-versions-fail", of(&twelve, 8)),
        ("mirror-drifted", of(&twelve, 2)),
        ("mirror-runs", of(&twelve, 6)),
        ("mirror-nasty", of(&nasty, 0)),
        ("mirror-long", of(&long, 0)),
        ("versions", versions),
        ("not-found", page::nothing_here("There is no such page.")),
    ]
}

/// `CHARTFERRY_PAGES=DIR cargo test --test it service_http::pages::samples_for_the_eye` writes the pages of the samples, to be
/// looked at in a browser. Each is whole, as nothing lies outside of it.
#[test]
fn samples_for_the_eye() {
    let pages = pages_for_the_eye();
    for (name, html) in &pages {
        assert!(
            html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"),
            "{name}"
        );
    }
    if let Some(folder) = std::env::var_os("CHARTFERRY_PAGES") {
        for (name, html) in pages {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.html")), html).unwrap();
        }
    }
}
