//! Reason codes read back from a file: in the program a code is a text that lives as long as the process.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Codes that were read. They come from files that this program wrote, so there are few; the bound is for the rest.
static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
const MOST: usize = 512;
const LONGEST: usize = 64;

/// The code as the report wants it. None if it is none of ours by its looks, or there are too many.
pub(super) fn intern(code: &str) -> Option<&'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if code.is_empty() || code.len() > LONGEST || !code.bytes().all(plain) {
        return None;
    }
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return Some(known);
    }
    if codes.len() >= MOST {
        return None;
    }
    let code: &'static str = Box::leak(code.into());
    codes.insert(code);
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_is_kept_once() {
        let (first, second) = (intern("codes-test").unwrap(), intern("codes-test").unwrap());
        assert!(std::ptr::eq(first, second));
        for bad in ["", "Bad", "a b", "é", &"x".repeat(LONGEST + 1)] {
            assert_eq!(intern(bad), None, "{bad}");
        }
    }
}
