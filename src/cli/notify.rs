//! From `[[notify]]` to what the service's notifier takes.

use anyhow::Context as _;
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::config::{Config, NotifyConfig, NotifyUrl, SecretAt};
use crate::service::notify::{NotifyOptions, Receiver, SecretPlace, UrlPlace};

/// The receivers of the file.
pub(super) fn options(config: &Config) -> anyhow::Result<NotifyOptions> {
    Ok(NotifyOptions {
        receivers: config.notify.iter().map(receiver).collect::<Result<_, _>>()?,
        ..NotifyOptions::default()
    })
}

fn receiver(notify: &NotifyConfig) -> anyhow::Result<Receiver> {
    let mirrors = globs(&notify.mirrors).with_context(|| format!("`mirrors` of `{}`", notify.name))?;
    Ok(Receiver {
        name: notify.name.as_str().into(),
        url: match &notify.url {
            NotifyUrl::Plain(url) => UrlPlace::Plain(url.clone()),
            NotifyUrl::Secret(at) => UrlPlace::Secret(place(at)),
        },
        events: notify.events.clone(),
        mirrors,
        header: notify.header.as_ref().map(|(name, at)| (name.clone(), place(at))),
        template: notify.template.clone(),
    })
}

fn place(at: &SecretAt) -> SecretPlace {
    match at {
        SecretAt::File(path) => SecretPlace::File(path.clone()),
        SecretAt::Variable(name) => SecretPlace::Variable(name.clone()),
    }
}

/// `None` where all mirrors are meant.
fn globs(texts: &[String]) -> Result<Option<GlobSet>, globset::Error> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text)?);
    }
    set.build().map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::notice::Event;

    #[test]
    fn everything_of_the_file_arrives() {
        let text = "[[mirror]]\nname = \"a1\"\nsource = \"https://charts.acme.io\"\ntargets = [\"oci://r.io/c\"]\n\
            [[notify]]\nname = \"plain\"\nurl = \"https://h.io/s3cr3t\"\n\
            [[notify]]\nname = \"full\"\nurl_env = \"U\"\non = [\"recovery\", \"drift\"]\nmirrors = [\"a*\"]\n\
            header = \"X-Token\"\nheader_env = \"T\"\ntemplate = '{\"text\": \"{message}\"}'\n";
        let variables: BTreeMap<_, _> = [("U", "https://h.io/s3cr3t"), ("T", "s3cr3t")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let (config, warnings) = config::check_with(text, Path::new("/c.toml"), &variables).unwrap();
        assert_eq!(warnings, []);
        let options = options(&config).unwrap();
        let [plain, full] = &options.receivers[..] else {
            panic!("{options:?}");
        };
        assert!(matches!(plain.url, UrlPlace::Plain(_)));
        assert_eq!(plain.events, Event::ALL);
        assert!(plain.mirrors.is_none() && plain.header.is_none() && plain.template.is_none());
        assert!(matches!(&full.url, UrlPlace::Secret(SecretPlace::Variable(name)) if name == "U"));
        assert_eq!(full.events, [Event::Drift, Event::Recovery]);
        let globs = full.mirrors.as_ref().unwrap();
        assert!(globs.is_match("a1") && !globs.is_match("b"));
        assert!(
            matches!(&full.header, Some((name, SecretPlace::Variable(at))) if name == "x-token" && at == "T")
        );
        assert!(full.template.is_some());
        // What holds a secret does not show it.
        assert!(!format!("{config:?}{options:?}").contains("s3cr3t"));
    }

    #[test]
    fn files_are_named_from_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("url", "https://h.io/x\n"),
            ("token", "t\n"),
            ("template", "\"{message}\""),
        ] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let text = "[[mirror]]\nname = \"a\"\nsource = \"https://charts.acme.io\"\ntargets = [\"oci://r.io/c\"]\n\
            [[notify]]\nname = \"n\"\nurl_file = \"url\"\nheader = \"X-Token\"\nheader_file = \"token\"\ntemplate_file = \"template\"\n";
        let path = folder.path().join("c.toml");
        let (config, _) = config::check_with(text, &path, &BTreeMap::new()).unwrap();
        let options = options(&config).unwrap();
        let receiver = &options.receivers[0];
        let at = |name: &str| folder.path().join(name);
        assert!(matches!(&receiver.url, UrlPlace::Secret(SecretPlace::File(path)) if *path == at("url")));
        assert!(matches!(&receiver.header, Some((_, SecretPlace::File(path))) if *path == at("token")));
        assert!(receiver.template.is_some());
    }
}
