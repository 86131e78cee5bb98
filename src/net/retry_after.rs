//! `Retry-After` in both its forms: seconds or an HTTP date (RFC 9110 section 10.2.3).

use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDateTime};
use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long the server wants us to stay away. Dates of the past and anything unreadable count as absent; of several
/// headers the longest counts (reliability F09).
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let waits = headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| parse(value.to_str().ok()?.trim(), now));
    waits.max().filter(|wait| !wait.is_zero())
}

fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit is a very long time; the caller caps it.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let seconds = date(text)?.signed_duration_since(DateTime::<chrono::Utc>::from(now));
    seconds.to_std().ok()
}

/// The three forms of an HTTP date.
fn date(text: &str) -> Option<DateTime<chrono::Utc>> {
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %e %H:%M:%S %Y",
    ]
    .into_iter()
    .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    .map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn never_panics(text in "([0-9]|,| |Sun|Nov|06|1994|08:49:37|GMT|-|é){0,10}") {
            parse(&text, SystemTime::UNIX_EPOCH);
        }
    }

    #[test]
    fn both_forms_are_read() {
        let now: SystemTime = date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().into();
        for (values, wait) in [
            (&["30"][..], Some(30)),
            (&["0"], None),
            (&["-1"], None),
            (&["soon"], None),
            (&[""], None),
            (&["1.5"], None),
            (&["99999999999999999999999"], Some(u64::MAX)),
            (&["Sun, 06 Nov 1994 08:50:37 GMT"], Some(60)),
            (&["Sunday, 06-Nov-94 08:50:37 GMT"], Some(60)),
            (&["Sun Nov  6 08:50:37 1994"], Some(60)),
            (&["Sun, 06 Nov 1994 08:48:37 GMT"], None),
            (&["5", "Sun, 06 Nov 1994 08:50:37 GMT"], Some(60)),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(RETRY_AFTER, value.parse().unwrap());
            }
            assert_eq!(
                retry_after(&headers, now),
                wait.map(Duration::from_secs),
                "{values:?}"
            );
        }
    }
}
