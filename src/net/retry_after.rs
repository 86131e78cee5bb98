//! `Retry-After` in both its forms: seconds or an HTTP date (RFC 9110 section 10.2.3).

use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDateTime, Utc};
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// How long the server wants us to stay away. Dates of the past and anything unreadable count as absent; of several
/// headers the longest counts (reliability F09). A date is one of the server's clock, so it is compared with the answer's
/// own `Date`; `now` is this machine's clock, which may be wrong (reliability F19), for answers without one.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let theirs = headers
        .get(DATE)
        .and_then(|value| date(value.to_str().ok()?.trim()));
    let now = theirs.unwrap_or_else(|| DateTime::from(now));
    let waits = headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| parse(value.to_str().ok()?.trim(), now));
    waits.max().filter(|wait| !wait.is_zero())
}

fn parse(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit is a very long time; the caller caps it.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    date(text)?.signed_duration_since(now).to_std().ok()
}

/// The three forms of an HTTP date.
fn date(text: &str) -> Option<DateTime<Utc>> {
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
            parse(&text, DateTime::UNIX_EPOCH);
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

    #[test]
    fn a_wrong_clock_of_ours_does_not_count() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        headers.insert(RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT".parse().unwrap());
        let right: SystemTime = date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap().into();
        for off in [3600, 10 * 365 * 86_400].map(Duration::from_secs) {
            for now in [right - off, right, right + off] {
                assert_eq!(
                    retry_after(&headers, now),
                    Some(Duration::from_secs(30)),
                    "{now:?}"
                );
            }
        }
    }
}
