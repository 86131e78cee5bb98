//! Reads `WWW-Authenticate` (RFC 9110 section 11.6.1): several challenges, in one header or in several (registries
//! rule 5). What cannot be read is left out; nothing here fails.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// How a registry wants us to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from `realm`.
    Bearer {
        realm: String,
        service: Option<String>,
        scope: Option<String>,
        error: Option<String>,
    },
}

/// All challenges that we understand, in their order.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE);
    values
        .iter()
        .flat_map(|value| parse(&String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

/// The challenges of one header. A list of challenges and a list of parameters are both separated by commas: a word
/// followed by `=` is a parameter, a word followed by a blank or nothing begins a challenge.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            // Something that no grammar allows: go on behind it.
            rest = skip_one(rest);
            continue;
        }
        let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match (value, found.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = read_value(value.trim_start_matches([' ', '\t']));
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(value), None) => rest = read_value(value.trim_start_matches([' ', '\t'])).1,
            (None, _) => {
                found.push((word.to_ascii_lowercase(), Vec::new()));
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    found
        .into_iter()
        .filter_map(|(scheme, parameters)| understand(&scheme, &parameters))
        .collect()
}

fn understand(scheme: &str, parameters: &[(String, String)]) -> Option<Challenge> {
    let get = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    match scheme {
        "basic" => Some(Challenge::Basic),
        "bearer" => Some(Challenge::Bearer {
            realm: get("realm")?,
            service: get("service"),
            scope: get("scope"),
            error: get("error"),
        }),
        _ => None,
    }
}

/// A token or a quoted string, and what follows.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}

fn skip_one(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let own = |text: &str| text.to_owned();
        Challenge::Bearer {
            realm: own(realm),
            service: service.map(own),
            scope: scope.map(own),
            error: None,
        }
    }

    #[test]
    fn challenges_of_real_registries() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            parse(hub),
            [bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:a/b:pull,push")
            )]
        );
        assert_eq!(parse("Basic realm=\"harbor\""), [Challenge::Basic]);
        assert_eq!(parse("basic"), [Challenge::Basic]);
        let joined = r#"Negotiate, Bearer realm="https://r/t", service=x , Basic realm="a, b""#;
        assert_eq!(
            parse(joined),
            [bearer("https://r/t", Some("x"), None), Challenge::Basic]
        );
        assert_eq!(parse(r#"BEARER REALM="a\"b""#), [bearer("a\"b", None, None)]);
    }

    #[test]
    fn several_headers() {
        let mut headers = HeaderMap::new();
        headers.append(
            WWW_AUTHENTICATE,
            r#"Bearer realm="https://g/t",service="s""#.parse().unwrap(),
        );
        headers.append(WWW_AUTHENTICATE, "Basic".parse().unwrap());
        assert_eq!(
            challenges(&headers),
            [bearer("https://g/t", Some("s"), None), Challenge::Basic]
        );
    }

    #[test]
    fn nonsense_gives_nothing() {
        for text in [
            "",
            ",",
            "=",
            "\"",
            "Bearer",
            "Bearer realm",
            "realm=\"x\"",
            "é=",
            "Bearer service=\"x\"",
            "===,,,\"\\",
        ] {
            assert_eq!(parse(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            parse(&text);
        }

        #[test]
        fn never_panics_near_the_grammar(text in "((Bearer|Basic|realm=|\"|,| |\\\\|=|é|x)){0,20}") {
            parse(&text);
        }
    }
}
