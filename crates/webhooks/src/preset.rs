//! Presets: the forms in which well-known receivers want to be told.

use crate::summary::with_summary;
use crate::template::{self, Escape};
use oneoff_domain::job::UnknownName;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// The payload itself.
    #[default]
    Generic,
    /// An incoming webhook of Slack.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A workflow of Microsoft Teams that posts what it is sent.
    Teams,
    /// A topic of ntfy.
    Ntfy,
}

const SLACK: &str = r#"{"text":"{{title}}","attachments":[{"color":"{{color_hex}}","fallback":"{{title}}","text":"{{text}}"}]}"#;
const DISCORD: &str = r#"{"username":"OneOff","allowed_mentions":{"parse":[]},"embeds":[{"title":"{{title}}","description":"{{text}}","color":{{color}},"timestamp":"{{timestamp}}"}]}"#;
const TEAMS: &str = r#"{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","size":"Medium","weight":"Bolder","wrap":true,"color":"{{style}}","text":"{{title}}"},{"type":"TextBlock","wrap":true,"text":"{{text}}"}]}}]}"#;
const NTFY: &str = r#"{"topic":"{{topic}}","title":"{{title}}","message":"{{text}}","priority":{{priority}},"tags":["{{tag}}"]}"#;

impl Preset {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Generic, Self::Slack, Self::Discord, Self::Teams, Self::Ntfy];

    /// The word that stands for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Teams => "teams",
            Self::Ntfy => "ntfy",
        }
    }

    /// Its template; the payload itself has none.
    #[must_use]
    pub fn template(self) -> Option<&'static str> {
        match self {
            Self::Generic => None,
            Self::Slack => Some(SLACK),
            Self::Discord => Some(DISCORD),
            Self::Teams => Some(TEAMS),
            Self::Ntfy => Some(NTFY),
        }
    }

    fn escape(self) -> Escape {
        match self {
            Self::Slack => slack_text,
            _ => template::plain,
        }
    }

    /// The body that a payload becomes, with the endpoint's own template where it has one.
    #[must_use]
    pub fn body(self, own: Option<&str>, url: &Url, payload: &Value) -> String {
        match own.or(self.template()) {
            None => payload.to_string(),
            Some(template) => template::render(template, &with_summary(payload, &topic(url)), self.escape()),
        }
    }

    /// Where the body goes. What has the topic in its body is taken by the root of a server of ntfy.
    #[must_use]
    pub fn target(self, url: &Url) -> Url {
        let mut target = url.clone();
        if self == Self::Ntfy
            && let Ok(mut path) = target.path_segments_mut()
        {
            path.pop_if_empty().pop();
        }
        target
    }
}

/// The topic that the URL of an ntfy server ends in.
fn topic(url: &Url) -> String {
    let last = url.path_segments().into_iter().flatten().rfind(|segment| !segment.is_empty());
    last.unwrap_or_default().to_owned()
}

/// Slack reads these three characters as its own: <https://api.slack.com/reference/surfaces/formatting#escaping>.
fn slack_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Preset {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or_else(|| UnknownName {
            given: text.chars().take(64).collect(),
            allowed: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn failed(name: &str, error: &str) -> Value {
        json!({
            "event": "job.failed", "timestamp": "2026-11-24T08:00:00Z",
            "data": {
                "job": {"id": "j", "name": name, "project_id": "default"},
                "execution": {"error": error, "exit_code": 3, "duration_ms": 1234.5},
            },
        })
    }

    #[test]
    fn each_receiver_gets_its_form() {
        let payload = failed("<backup> & \"more\"", "it broke");
        let of = |preset: Preset, at: &str| -> Value {
            serde_json::from_str(&preset.body(None, &url(at), &payload)).unwrap()
        };
        assert_eq!(of(Preset::Generic, "http://x/"), payload);
        let slack = of(Preset::Slack, "https://hooks.slack.com/services/T/B/x");
        assert_eq!(slack["text"], "Job failed: &lt;backup&gt; &amp; \"more\"");
        assert_eq!(slack["attachments"][0]["color"], "#EF4444");
        assert_eq!(
            slack["attachments"][0]["text"],
            "it broke, exit code 3, took 1.2 s, project default, id j"
        );
        let discord = of(Preset::Discord, "https://discord.com/api/webhooks/1/x");
        assert_eq!(discord["embeds"][0]["title"], "Job failed: <backup> & \"more\"");
        assert_eq!(discord["embeds"][0]["color"], 0xEF_4444);
        assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
        let card = &of(Preset::Teams, "https://x.example/workflows/1")["attachments"][0];
        assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
        assert_eq!(card["content"]["body"][0]["text"], "Job failed: <backup> & \"more\"");
        let ntfy = of(Preset::Ntfy, "https://ntfy.sh/my-topic?auth=x");
        assert_eq!((&ntfy["topic"], &ntfy["priority"]), (&json!("my-topic"), &json!(5)));
    }

    #[test]
    fn of_a_chain_its_own_name_is_told() {
        let payload = json!({
            "event": "chain_execution.failed", "timestamp": "2026-11-24T08:00:00Z",
            "data": {
                "job": {"id": "j", "name": "cleanup", "project_id": "p"},
                "details": {"chain_name": "Nightly", "chain_execution_id": "x", "failed_link": 2},
            },
        });
        let body = Preset::Slack.body(None, &url("https://hooks.slack.com/services/T/B/x"), &payload);
        let slack: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(slack["text"], "Chain failed: Nightly");
        assert_eq!(slack["attachments"][0]["text"], "link 2 did not succeed, project p, id x");
    }

    #[test]
    fn ntfy_is_told_at_its_root() {
        for (given, target) in [
            ("https://ntfy.sh/my-topic?auth=x", "https://ntfy.sh/?auth=x"),
            ("https://x.example/ntfy/topic/", "https://x.example/ntfy"),
        ] {
            assert_eq!(Preset::Ntfy.target(&url(given)).as_str(), target);
            assert_eq!(Preset::Slack.target(&url(given)).as_str(), given);
        }
    }

    #[test]
    fn a_preset_is_one_of_five_words() {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse(), Ok(preset));
        }
        assert!("Slack".parse::<Preset>().is_err() && "".parse::<Preset>().is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_job_says_every_form_is_json(name in "\\PC{0,300}", error: String) {
            for preset in Preset::ALL {
                let body = preset.body(None, &url("https://x.example/topic"), &failed(&name, &error));
                prop_assert!(serde_json::from_str::<Value>(&body).is_ok(), "{}", body);
            }
        }
    }
}
