//! What a command has to work with: where its output goes, the person's zone, and the server.

use crate::args::{Cli, GlobalArgs};
use crate::clock::now;
use crate::failure::Failure;
use crate::output::{Format, Look, Notes, Printer, Times};
use crate::zone::own_zone;
use clap::CommandFactory;
use oneoff_client::{ApiKey, Client, ClientSettings};
use std::io::{IsTerminal, Write};
use std::path::Path;
use url::{Host, Url};

const DEFAULT_SERVER: &str = "http://localhost:8080";

/// Where output goes, and the person's zone.
pub(crate) struct Console {
    /// Results, on stdout.
    pub(crate) printer: Printer,
    /// All else, on stderr.
    pub(crate) notes: Notes,
    /// The zone that goes with every time expression.
    pub(crate) zone: String,
}

/// The notes as far as they are known before anything can fail.
pub(crate) fn notes(global: &GlobalArgs) -> Notes {
    let is_terminal = std::io::stderr().is_terminal();
    Notes {
        is_quiet: global.quiet,
        is_terminal,
        has_color: is_terminal && wants_color(global),
        format: global.format,
    }
}

/// Reports a command line that cannot be read as a problem document.
pub(crate) fn report_as_json(failure: &Failure) {
    let format = Format::Json;
    Notes { is_quiet: false, is_terminal: false, has_color: false, format }.report(failure);
}

/// Writes the help to stderr, for who gave no command at all.
pub(crate) fn write_help() {
    let help = Cli::command().render_help();
    drop(std::io::stderr().lock().write_all(help.to_string().as_bytes()));
}

impl Console {
    /// The console of these flags.
    pub(crate) fn new(global: &GlobalArgs) -> Result<Self, Failure> {
        let zone = own_zone(asked_for(global), tz_variable().as_deref())?;
        Ok(Self::in_zone(global, zone))
    }

    /// The console of a command that has nothing to do with times, whose zone need not be known.
    pub(crate) fn without_zone(global: &GlobalArgs) -> Self {
        Self::in_zone(global, "UTC".to_owned())
    }

    fn in_zone(global: &GlobalArgs, zone: String) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let times = match (asked_for(global), is_terminal) {
            (Some(_), true) => Times::InZone,
            (Some(_), false) => Times::Rfc3339InZone,
            (None, true) => Times::Relative,
            (None, false) => Times::Rfc3339,
        };
        let look = Look {
            now: now(),
            zone: zone.clone(),
            times,
            has_color: is_terminal && wants_color(global),
            cuts_names: is_terminal,
        };
        let printer = Printer { format: global.format, is_quiet: global.quiet, look };
        Self { printer, notes: notes(global), zone }
    }

    /// Whether a program reads the result.
    pub(crate) fn is_for_machines(&self) -> bool {
        matches!(self.printer.format, Format::Json | Format::Yaml)
    }
}

fn asked_for(global: &GlobalArgs) -> Option<&str> {
    if global.utc { Some("UTC") } else { global.tz.as_deref() }
}

/// The variable `TZ`. Bytes that are not text are no name either, and stay visible as such.
fn tz_variable() -> Option<String> {
    std::env::var_os("TZ").map(|value| value.to_string_lossy().into_owned())
}

fn wants_color(global: &GlobalArgs) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    !global.no_color && !is_set("NO_COLOR") && variable("TERM").as_deref() != Some("dumb")
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok())
}

/// The client of the server that these flags and variables name.
pub(crate) fn client(global: &GlobalArgs) -> Result<Client, Failure> {
    let mut settings = ClientSettings::new(server(global.server.as_deref())?);
    settings.api_key = api_key(global.api_key.as_deref(), global.api_key_file.as_deref())?;
    settings.user_agent = concat!("oneoff/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(Client::new(settings)?)
}

/// The server's address. One without a scheme is taken for http.
fn server(given: Option<&str>) -> Result<Url, Failure> {
    let text = given.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(DEFAULT_SERVER);
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    text.parse().map_err(|error| {
        Failure::usage(format!("--server: `{text}` is not a URL: {error}"))
            .with_hint(format!("such as {DEFAULT_SERVER}"))
    })
}

fn api_key(given: Option<&str>, file: Option<&Path>) -> Result<Option<ApiKey>, Failure> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::local(format!("--api-key-file: {} cannot be read", path.display()), &error)
        })?;
        return match text.trim() {
            "" => Err(Failure::usage(format!("--api-key-file: {} is empty", path.display()))),
            key => Ok(Some(ApiKey::new(key))),
        };
    }
    Ok(given.map(str::trim).filter(|key| !key.is_empty()).map(ApiKey::new))
}

/// Where a shell job runs, in words that tell it from this shell.
pub(crate) fn place(client: &Client) -> String {
    let server = &client.settings().server;
    let host = server.host_str().unwrap_or_default();
    let is_loopback = match server.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => host == "localhost",
    };
    match is_loopback {
        true => "by the server on this machine, with the server's user and directory".to_owned(),
        false => format!("on server {host}, not on this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::{api_key, place, server};
    use oneoff_client::{Client, ClientSettings};

    #[test]
    fn a_server_needs_no_scheme_and_an_empty_one_is_the_default() {
        for (given, url) in [
            (None, "http://localhost:8080/"),
            (Some(""), "http://localhost:8080/"),
            (Some("box1:9000"), "http://box1:9000/"),
            (Some("https://example.org/base"), "https://example.org/base"),
        ] {
            assert_eq!(server(given).unwrap().as_str(), url);
        }
        assert!(server(Some("http://")).is_err());
    }

    #[test]
    fn a_key_file_wins_and_an_empty_key_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(api_key(None, Some(file.path())).is_err());
        std::fs::write(file.path(), "from-file\n").unwrap();
        assert!(api_key(Some("x"), Some(file.path())).unwrap().is_some());
        assert!(api_key(Some(" "), None).unwrap().is_none());
        assert!(api_key(None, Some("/nonexistent".as_ref())).is_err());
    }

    #[test]
    fn a_shell_job_says_where_it_runs() {
        let place = |url: &str| place(&Client::new(ClientSettings::new(url.parse().unwrap())).unwrap());
        assert_eq!(place("https://box1.example.org"), "on server box1.example.org, not on this machine");
        assert!(place("http://127.0.0.1:8080").contains("on this machine"));
    }
}
