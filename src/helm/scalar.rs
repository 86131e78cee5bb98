//! What a plain YAML scalar of an index means where the field is no text (YAML 1.1, helm-oci-format 1.4).
//!
//! Text fields keep the source text (`1.10` stays `1.10`, crates.md 2.4), so nothing here makes numbers.

/// True for the plain spellings of null, the empty one included.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The boolean that a plain scalar spells, as Helm's YAML library reads it.
pub(crate) fn to_bool(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_1_1_spellings_only() {
        assert!(is_null("") && is_null("~") && is_null("NULL") && !is_null("nULL") && !is_null("none"));
        assert_eq!(to_bool("On"), Some(true));
        assert_eq!(to_bool("n"), Some(false));
        assert_eq!((to_bool("tRue"), to_bool("1"), to_bool("")), (None, None, None));
    }
}
