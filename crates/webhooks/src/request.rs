//! The request of one attempt: headers and body, signed.

use crate::signature::{WebhookSecret, unix_seconds};
use oneoff_domain::Timestamp;

/// What receivers know us by.
const USER_AGENT: &str = concat!("OneOff-Webhook/", env!("CARGO_PKG_VERSION"));

/// What is delivered; the same over all attempts.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// Its id, by which a receiver knows one that it already has. It holds no dot, as ids are UUIDs.
    pub id: &'a str,
    /// The event: `job.failed`, or `test`.
    pub event: &'a str,
    /// The body, exactly as it is sent.
    pub body: &'a [u8],
}

/// One attempt as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Names in lower case, values; in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Delivery<'_> {
    /// The request of an attempt at `now`.
    ///
    /// Of several `secrets`, the first is the current one: all of them sign in `webhook-signature`, so that a
    /// receiver may change over at any time, and the first alone in `X-OneOff-Signature`, which holds one.
    #[must_use]
    pub fn request(&self, now: Timestamp, secrets: &[WebhookSecret]) -> Request {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), USER_AGENT.to_owned()),
            ("x-oneoff-event".to_owned(), self.event.to_owned()),
            ("x-oneoff-delivery".to_owned(), self.id.to_owned()),
            ("webhook-id".to_owned(), self.id.to_owned()),
            ("webhook-timestamp".to_owned(), unix_seconds(now).to_string()),
        ];
        if let Some(current) = secrets.first() {
            headers.push(("x-oneoff-signature".to_owned(), current.sign_body(self.body)));
            let signatures = secrets.iter().map(|secret| secret.sign_standard(self.id, now, self.body));
            headers.push(("webhook-signature".to_owned(), signatures.collect::<Vec<_>>().join(" ")));
        }
        Request { headers, body: self.body.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERY: Delivery<'_> = Delivery {
        id: "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10",
        event: "job.failed",
        body: br#"{"event":"job.failed"}"#,
    };

    fn now() -> Timestamp {
        "2026-11-24T08:00:00.75Z".parse().unwrap()
    }

    fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
        let mut found = request.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert_eq!(found.next(), None, "{name} is sent once");
        value
    }

    #[test]
    fn both_signatures_are_sent_and_verify() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = WebhookSecret::new(text).unwrap();
        let request = DELIVERY.request(now(), std::slice::from_ref(&secret));
        assert_eq!(header(&request, "x-oneoff-event"), Some("job.failed"));
        assert_eq!(header(&request, "x-oneoff-delivery"), Some(DELIVERY.id));
        assert_eq!(header(&request, "x-oneoff-signature"), Some(secret.sign_body(DELIVERY.body).as_str()));
        assert_eq!(header(&request, "webhook-timestamp"), Some("1795507200"));
        assert_eq!(header(&request, "content-type"), Some("application/json"));
        assert_eq!(request.body, DELIVERY.body);
        let signature = header(&request, "webhook-signature").unwrap();
        let theirs = standardwebhooks::Webhook::new(text).unwrap();
        assert_eq!(signature, theirs.sign(DELIVERY.id, 1_795_507_200, DELIVERY.body).unwrap());
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let secrets = ["new secret", "old secret"].map(|text| WebhookSecret::new(text).unwrap());
        let request = DELIVERY.request(now(), &secrets);
        let expected =
            secrets.each_ref().map(|secret| secret.sign_standard(DELIVERY.id, now(), DELIVERY.body));
        assert_eq!(header(&request, "webhook-signature"), Some(expected.join(" ").as_str()));
        assert_eq!(
            header(&request, "x-oneoff-signature"),
            Some(secrets[0].sign_body(DELIVERY.body).as_str())
        );
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let request = DELIVERY.request(now(), &[]);
        assert_eq!(header(&request, "webhook-signature"), None);
        assert_eq!(header(&request, "x-oneoff-signature"), None);
    }
}
