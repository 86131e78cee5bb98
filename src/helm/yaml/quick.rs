//! `values.yaml` is only checked, never used, and is by far the largest file that is parsed: most of them pass
//! as a stream of events. Whatever could make a difference sends the text to the full check.

use super::document::{Document, Value};
use super::events::{Event, Events, ScalarEvent, decode};
use super::scalar::{Scalar, implicit};
use super::{Shape, YamlError, check};

/// Checks that the first document of `bytes` is a mapping, empty or null, and converts to JSON.
pub(crate) fn check_map(bytes: &[u8]) -> Result<(), YamlError> {
    if is_plainly_good(bytes)? {
        return Ok(());
    }
    let document = Document::parse(bytes)?;
    check(&document, &Shape::Any)?;
    match document.root().map(|root| document.value(root)).transpose()? {
        None | Some(Value::Map | Value::Scalar(Scalar::Null)) => Ok(()),
        Some(_) => Err(YamlError::new("not a map at the top")),
    }
}

/// True if nothing in the text needs a closer look; errors are those of scanner and parser.
fn is_plainly_good(bytes: &[u8]) -> Result<bool, YamlError> {
    let text = decode(bytes)?;
    let mut events = Events::new(&text);
    // For each open collection: in a mapping, whether a key comes next
    let mut open: Vec<Option<bool>> = Vec::new();
    loop {
        let event = events.next()?;
        let is_key = open.last() == Some(&Some(true));
        let good = match &event {
            Event::Done => return Ok(true),
            Event::Alias(_) => false,
            Event::Scalar(scalar) if is_key => is_good_key(scalar),
            Event::Scalar(scalar) => !open.is_empty() && is_good_value(scalar),
            Event::ListStart(_) => !is_key && !open.is_empty(),
            Event::MapStart(_) => !is_key,
            Event::End => true,
        };
        if !good {
            return Ok(false);
        }
        match event {
            Event::ListStart(_) => {
                turn(&mut open);
                open.push(None);
            }
            Event::MapStart(_) => {
                turn(&mut open);
                open.push(Some(true));
            }
            Event::End => {
                open.pop();
            }
            _ => turn(&mut open),
        }
    }
}

/// After a key comes a value, after a value a key.
fn turn(open: &mut [Option<bool>]) {
    if let Some(Some(key)) = open.last_mut() {
        *key = !*key;
    }
}

fn is_good_key(scalar: &ScalarEvent) -> bool {
    scalar.tag.is_none()
        && (!scalar.plain
            || (scalar.value != "<<" && !matches!(implicit(&scalar.value), Scalar::Null | Scalar::Uint(_))))
}

fn is_good_value(scalar: &ScalarEvent) -> bool {
    let first = scalar.value.bytes().next();
    let may_be_infinite = scalar.plain && matches!(first, Some(b'.' | b'+' | b'-'));
    scalar.tag.is_none()
        && !(may_be_infinite && matches!(implicit(&scalar.value), Scalar::Float(value) if !value.is_finite()))
}
