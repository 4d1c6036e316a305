//! Log lines on stderr: readable on a terminal, JSON for machines.

use crate::log_request::{InJson, InText};
use crate::settings::{LogFormat, LogLevel};
use std::io::IsTerminal as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::format::DefaultFields;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// Sets the log up for this process.
///
/// # Errors
/// A log was set up before.
pub fn init(level: LogLevel, format: LogFormat, no_color: bool) -> Result<(), TryInitError> {
    let is_terminal = std::io::stderr().is_terminal();
    // What a request's lines say of it is said without spans; without this one would be made for each request all the same.
    let no_spans = filter_fn(|metadata| !metadata.is_span());
    let registry = tracing_subscriber::registry().with(filter(level)).with(no_spans);
    if is_text(format, is_terminal) {
        let lines = tracing_subscriber::fmt::layer()
            .fmt_fields(InText(DefaultFields::new()))
            .with_writer(std::io::stderr)
            .with_target(level == LogLevel::Debug)
            .with_ansi(is_terminal && !no_color);
        registry.with(lines).try_init()
    } else {
        let format = tracing_subscriber::fmt::format().json().flatten_event(true);
        let format = format.with_current_span(false).with_span_list(false);
        let lines = tracing_subscriber::fmt::layer().json().event_format(InJson(format));
        registry.with(lines.with_writer(std::io::stderr)).try_init()
    }
}

fn is_text(format: LogFormat, is_terminal: bool) -> bool {
    match format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => is_terminal,
    }
}

/// The level holds for OneOff; of the libraries below it, only what is informative or worse is shown.
fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // actix's own start lines repeat ours.
    let libraries = own.min(LevelFilter::WARN);
    // What it calls errors of its HTTP/1 streams are requests that are malformed, cut off or too slow.
    let malformed = if own == LevelFilter::DEBUG { libraries } else { LevelFilter::OFF };
    Targets::new()
        .with_default(libraries)
        .with_target("oneoff", own)
        .with_target("actix_http::h1::dispatcher", malformed)
        .with_target("actix_http::h1::decoder", malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn auto_is_text_on_a_terminal_only() {
        assert!(is_text(LogFormat::Auto, true) && !is_text(LogFormat::Auto, false));
        assert!(is_text(LogFormat::Text, false) && !is_text(LogFormat::Json, true));
    }

    #[test]
    fn the_level_holds_for_our_crates_and_libraries_are_quieter() {
        let debug = filter(LogLevel::Debug);
        assert!(debug.would_enable("oneoff_api::routes", &Level::DEBUG));
        assert!(!debug.would_enable("h2::codec", &Level::INFO));
        assert!(debug.would_enable("h2::codec", &Level::WARN));
        for level in [LogLevel::Info, LogLevel::Warn, LogLevel::Error] {
            let quiet = filter(level);
            assert!(!quiet.would_enable("actix_http::h1::dispatcher", &Level::ERROR), "a client's fault");
            assert!(quiet.would_enable("actix_http::h1::service", &Level::ERROR), "ours");
        }
        assert!(debug.would_enable("actix_http::h1::dispatcher", &Level::ERROR));
        let error = filter(LogLevel::Error);
        assert!(
            !error.would_enable("oneoff_server", &Level::WARN) && !error.would_enable("h2", &Level::WARN)
        );
    }
}
