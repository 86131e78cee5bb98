//! A store of credentials in which one thing is changed: every other member stays where it is, with the bytes that it
//! has, whichever program wrote it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The members of an object in their order.
#[derive(Debug, Default)]
struct Members(Vec<(String, Node)>);

#[derive(Debug)]
enum Node {
    /// As it was read.
    Raw(Box<RawValue>),
    /// New.
    Value(Value),
    /// Where the logins stand.
    Auths,
}

/// The file.
#[derive(Debug, Default)]
pub(super) struct Document {
    members: Members,
    auths: Members,
}

impl Document {
    /// Reads a file; a blank one has no members.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let mut members: Members = serde_json::from_slice(bytes)?;
        let mut auths = None;
        // Of duplicates readers take the last.
        if let Some((_, node)) = members.0.iter_mut().rfind(|(name, _)| name == "auths")
            && let Node::Raw(raw) = std::mem::replace(node, Node::Auths)
        {
            auths = serde_json::from_str(raw.get())?;
        }
        Ok(Self {
            members,
            auths: auths.unwrap_or_default(),
        })
    }

    /// Enters a plain login.
    pub(super) fn set_login(&mut self, key: &str, auth: &str) {
        self.auths.set(key, Node::Value(json!({ "auth": auth })));
        if !self.members.0.iter().any(|(_, node)| matches!(node, Node::Auths)) {
            self.members.set("auths", Node::Auths);
        }
    }

    /// Takes out a plain login. False if there was none.
    pub(super) fn remove_login(&mut self, key: &str) -> bool {
        let auths = &mut self.auths.0;
        let before = auths.len();
        auths.retain(|(name, _)| name != key);
        auths.len() < before
    }

    /// Names the helper that keeps the logins of all hosts.
    pub(super) fn set_store(&mut self, program: &str) {
        self.members.set("credsStore", Node::Value(json!(program)));
    }

    /// The file's new bytes, indented as Docker does.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::new();
        let indent = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, indent);
        self.serialize(&mut serializer)?;
        Ok(bytes)
    }
}

impl Members {
    /// Replaces a member in its place, or adds one at the end. Of duplicates readers take the last.
    fn set(&mut self, key: &str, new: Node) {
        match self.0.iter_mut().rfind(|(name, _)| name == key) {
            Some((_, node)) => *node = new,
            None => self.0.push((key.to_owned(), new)),
        }
    }

    fn write<S: Serializer>(&self, serializer: S, auths: Option<&Self>) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, node) in &self.0 {
            match node {
                Node::Raw(raw) => map.serialize_entry(name, raw)?,
                Node::Value(value) => map.serialize_entry(name, value)?,
                Node::Auths => map.serialize_entry(name, &auths)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, raw)) = map.next_entry()? {
                    members.push((name, Node::Raw(raw)));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(serializer, None)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.write(serializer, Some(&self.auths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: &Document) -> String {
        String::from_utf8(document.to_bytes().unwrap()).unwrap()
    }

    #[test]
    fn what_is_not_touched_stays_as_it_is() {
        let before = "{\n\t\"zeta\": {\"b\":1,   \"a\": 1.50e3},\n\t\"auths\": {\n\t\t\"z.io\": {\"auth\": \"eno=\", \"email\":\"\\u0040\"},\n\t\t\"a.io\": {\n\t\t\t\"auth\": \"old\"\n\t\t}\n\t},\n\t\"alpha\": [1,2]\n}";
        let mut document = Document::parse(before.as_bytes()).unwrap();
        document.set_login("a.io", "new");
        assert_eq!(text(&document), before.replace("\"old\"", "\"new\""));
        document.set_login("m.io", "m");
        assert!(document.remove_login("a.io") && !document.remove_login("a.io"));
        document.set_store("pass");
        let wanted = before
            .replace(
                "\t\t\"a.io\": {\n\t\t\t\"auth\": \"old\"",
                "\t\t\"m.io\": {\n\t\t\t\"auth\": \"m\"",
            )
            .replace("[1,2]\n", "[1,2],\n\t\"credsStore\": \"pass\"\n");
        assert_eq!(text(&document), wanted);
    }

    #[test]
    fn a_store_may_be_blank_or_without_logins() {
        for before in ["", " \n", "{}", r#"{"auths": null}"#, r#"{"auths": {}}"#] {
            let mut document = Document::parse(before.as_bytes()).unwrap();
            document.set_login("r.io", "dTpw");
            let wanted = "{\n\t\"auths\": {\n\t\t\"r.io\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}";
            assert_eq!(text(&document), wanted, "{before}");
        }
    }

    #[test]
    fn of_duplicates_the_last_counts() {
        let before = r#"{"auths": {"r.io": {"auth": "a"}, "r.io": {"auth": "b"}}, "auths": {"r.io": {"auth": "c"}, "r.io": {"auth": "d"}}}"#;
        let mut document = Document::parse(before.as_bytes()).unwrap();
        document.set_login("r.io", "new");
        let value: Value = serde_json::from_str(&text(&document)).unwrap();
        assert_eq!(value["auths"]["r.io"]["auth"], "new");
        assert!(document.remove_login("r.io"));
        let value: Value = serde_json::from_str(&text(&document)).unwrap();
        assert_eq!(value["auths"], json!({}));
    }
}
