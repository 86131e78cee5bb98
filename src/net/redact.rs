//! Masks secrets in URLs, so that they can be printed.

use url::Url;

/// `url` as text with user information and all values of the query masked (reliability A16): signed links carry
/// their secrets there. The fragment is dropped.
pub fn redact(url: &Url) -> String {
    let mut shown = url.clone();
    if !shown.username().is_empty() || shown.password().is_some() {
        // Fails only for URLs that cannot have user information, which then need no mask.
        let _ = shown.set_password(None);
        let _ = shown.set_username("***");
    }
    shown.set_fragment(None);
    if let Some(query) = url.query() {
        let masked: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((key, _)) => format!("{key}=***"),
                None if pair.is_empty() => String::new(),
                None => "***".to_owned(),
            })
            .collect();
        shown.set_query(Some(&masked.join("&")));
    }
    shown.to_string()
}

/// As [`redact`], for text that may be no URL at all: then nothing of it that could be a secret is shown.
pub fn redact_text(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => redact(&url),
        Err(_) if text.contains('@') => "***".to_owned(),
        Err(_) => {
            let path = text.split(['?', '#']).next().unwrap_or_default();
            let mask = if path.len() < text.len() { "?***" } else { "" };
            let short: String = path.chars().take(300).collect();
            format!("{}{mask}", short.escape_debug())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        for (url, shown) in [
            ("https://u:s3cr3t@h.io/a", "https://***@h.io/a"),
            ("https://s3cr3t@h.io/a", "https://***@h.io/a"),
            (
                "https://h.io/a?X-Sig=s3cr3t&s3cr3t&b=#s3cr3t",
                "https://h.io/a?X-Sig=***&***&b=***",
            ),
            ("https://h.io:8443/a%20b", "https://h.io:8443/a%20b"),
        ] {
            assert_eq!(redact(&Url::parse(url).unwrap()), shown);
        }
        assert_eq!(redact_text("/a?t=s3cr3t"), "/a?***");
        assert_eq!(redact_text("//u:s3cr3t@h/a"), "***");
        assert_eq!(redact_text("a\u{1b}b"), "a\\u{1b}b");
    }
}
