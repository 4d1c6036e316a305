//! Commands of curl as documentation shows them, read and sent byte for byte as curl would.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Curl {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    pub(super) headers: Vec<String>,
    pub(super) body: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Curl {
    /// Reads a command; panics on what it does not know of curl.
    pub(super) fn parse(command: &str) -> Self {
        let mut words = words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let (mut method, mut url, mut headers, mut body) = (None, None, Vec::new(), None);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} has no value in {command}"));
            match word.as_str() {
                "-X" => method = Some(value()),
                "-H" => headers.push(value()),
                "-d" => body = Some(value()),
                "-s" => {}
                option if option.starts_with('-') => panic!("{option} is not known here: {command}"),
                _ => url = Some(word),
            }
        }
        let url = url.unwrap_or_else(|| panic!("no URL in {command}"));
        let path = url.trim_start_matches("http://").trim_start_matches("localhost:8080").to_owned();
        // As curl does unless a header says otherwise.
        if body.is_some() && !headers.iter().any(|header| header.to_lowercase().starts_with("content-type:"))
        {
            headers.push("Content-Type: application/x-www-form-urlencoded".to_owned());
        }
        let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        Self { method, path, headers, body }
    }

    /// Sends it to a server on this port.
    pub(super) fn send(&self, port: u16) -> Reply {
        let Self { method, path, headers, body } = self;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\nConnection: close\r\n"
        );
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut stream = TcpStream::connect(("localhost", port)).unwrap();
        write!(stream, "{head}\r\n{}", body.as_deref().unwrap_or_default()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }
}

/// The words as a shell would give them to the program, of what is used in documentation: both quotes, and a
/// backslash at the end of a line.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in command.replace("\\\n", " ").chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[test]
fn commands_are_read_as_a_shell_and_curl_would() {
    let curl = Curl::parse(
        "curl -X PATCH \"http://localhost:8080/api/jobs?a=b&c=d\" \\\n  -H \"A: b c\" -d '{\"x\":\n \"y\"}'",
    );
    assert_eq!((curl.method.as_str(), curl.path.as_str()), ("PATCH", "/api/jobs?a=b&c=d"));
    assert_eq!(curl.headers, ["A: b c", "Content-Type: application/x-www-form-urlencoded"]);
    assert_eq!(curl.body.as_deref(), Some("{\"x\":\n \"y\"}"));
    let plain = Curl::parse("curl http://localhost:8080/health");
    assert_eq!((plain.method.as_str(), plain.headers.len(), plain.body), ("GET", 0, None));
    assert_eq!(Curl::parse("curl http://localhost:8080/x -d '{}'").method, "POST");
}
