//! JSON text as Go's `encoding/json` writes it: compact, with HTML-safe escapes (helm-oci-format 1.5).

use super::number::format_json;

/// A JSON value of unknown shape, as `import-values` may hold. Objects are sorted by key.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Every number goes through a 64-bit float, as in Go.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, sorted by key in byte order, each key once.
    Object(Vec<(String, Json)>),
}

/// Appends `text` as a JSON string: `<`, `>`, `&`, U+2028 and U+2029 are escaped, other non-ASCII is raw.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut done = 0;
    for (at, byte) in bytes.iter().copied().enumerate() {
        if byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2) {
            continue;
        }
        if byte == 0xe2 {
            // U+2028 and U+2029 are E2 80 A8 and E2 80 A9
            let last = match bytes.get(at + 1..at + 3) {
                Some([0x80, 0xa8]) => b'8',
                Some([0x80, 0xa9]) => b'9',
                _ => continue,
            };
            out.extend_from_slice(&bytes[done..at]);
            out.extend_from_slice(b"\\u202");
            out.push(last);
            done = at + 3;
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// Appends a list, each item written by `item`.
pub(crate) fn write_list<T>(out: &mut Vec<u8>, items: &[T], item: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, value) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// Appends an object of texts in the order given, which the caller has sorted by byte order of the keys.
pub(crate) fn write_texts<'a>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut object = Object::open(out);
    for (key, value) in texts {
        object.text(key, value);
    }
    object.close();
}

impl Json {
    /// Appends the value.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(value) => out.extend_from_slice(format_json(*value).as_bytes()),
            Self::Text(text) => write_text(out, text),
            Self::List(items) => write_list(out, items, |out, item| item.write(out)),
            Self::Object(entries) => {
                let mut object = Object::open(out);
                for (key, value) in entries {
                    value.write(object.key(key));
                }
                object.close();
            }
        }
    }
}

/// Writes an object member by member; `close` ends it.
pub(crate) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens the brace.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Writes the key; the caller appends the value to what is returned.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        write_text(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A member that is a text.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        write_text(self.key(key), value);
    }

    /// A member that is a text, left out when empty.
    pub(crate) fn text_if(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    /// A member that is `true`, left out when false.
    pub(crate) fn true_if(&mut self, key: &str, value: bool) {
        if value {
            self.key(key).extend_from_slice(b"true");
        }
    }

    /// A member that is a list, left out when empty.
    pub(crate) fn list_if<T>(&mut self, key: &str, items: &[T], item: impl Fn(&mut Vec<u8>, &T)) {
        if !items.is_empty() {
            write_list(self.key(key), items, item);
        }
    }

    /// Closes the brace.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        write_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_as_go_does() {
        for (text, json) in [
            ("", r#""""#),
            ("plain/é中😀\u{7f}", "\"plain/é中😀\u{7f}\""),
            ("\"\\", r#""\"\\""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("\0\u{1b}\u{1f}", r#""\u0000\u001b\u001f""#),
            ("<a>&b", r#""\u003ca\u003e\u0026b""#),
            ("a\u{2028}b\u{2029}", r#""a\u2028b\u2029""#),
            ("\u{2027}\u{202a}\u{20ac}", "\"\u{2027}\u{202a}\u{20ac}\""),
        ] {
            assert_eq!(written(text), json, "{text:?}");
        }
    }

    #[test]
    fn writes_values() {
        let value = Json::Object(vec![
            ("a".into(), Json::List(vec![Json::Null, Json::Bool(true)])),
            ("b".into(), Json::Number(1e21)),
            ("c".into(), Json::Object(Vec::new())),
        ]);
        let mut out = Vec::new();
        value.write(&mut out);
        assert_eq!(out, br#"{"a":[null,true],"b":1e+21,"c":{}}"#);
    }
}
