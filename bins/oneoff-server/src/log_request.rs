//! Log lines that are written while a request is handled name it, wherever they come from: by `request_id`, as spans would
//! do, but without the cost of one for each request.

use oneoff_domain::current_request;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

const REQUEST_ID: &str = "request_id";

/// JSON lines of another format, with the request.
pub(crate) struct InJson<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for InJson<F>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let names_one = event.metadata().fields().field(REQUEST_ID).is_some();
        let Some(request) = current_request().filter(|_request| !names_one) else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let Some(object) = line.trim_end().strip_suffix('}') else { return writer.write_str(&line) };
        // Ids are printable ASCII, of which Rust writes a string as JSON does.
        writeln!(writer, "{object},\"{REQUEST_ID}\":{request:?}}}")
    }
}

/// The fields of lines of text in another format, with the request.
pub(crate) struct InText<F>(pub(crate) F);

impl<'writer, F> FormatFields<'writer> for InText<F>
where
    F: for<'any> FormatFields<'any>,
{
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut looked = NamesRequest(false);
        fields.record(&mut looked);
        self.0.format_fields(writer.by_ref(), fields)?;
        match current_request().filter(|_request| !looked.0) {
            Some(request) => write!(writer, " {REQUEST_ID}={request}"),
            None => Ok(()),
        }
    }
}

/// Whether a line names a request of its own.
struct NamesRequest(bool);

impl Visit for NamesRequest {
    fn record_debug(&mut self, field: &Field, _value: &dyn fmt::Debug) {
        self.0 |= field.name() == REQUEST_ID;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_domain::RequestScope;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::fmt::format::DefaultFields;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Lines;

        fn make_writer(&'a self) -> Lines {
            self.clone()
        }
    }

    fn write_some() {
        tracing::warn!(count = 1, "before");
        let _scope = RequestScope::enter(Some("r-\"1".into()));
        tracing::warn!(count = 2, "within");
        tracing::warn!(request_id = "own", "named");
    }

    fn lines(of: impl FnOnce(Lines)) -> Vec<String> {
        let lines = Lines::default();
        of(lines.clone());
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn lines_of_json_name_the_request_once() {
        let written = lines(|lines| {
            let format = InJson(tracing_subscriber::fmt::format().json().flatten_event(true));
            let layer = tracing_subscriber::fmt::layer().json().event_format(format).with_writer(lines);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write_some);
        });
        let parsed: Vec<serde_json::Value> =
            written.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: Vec<_> = parsed.iter().map(|line| line.get(REQUEST_ID).and_then(|id| id.as_str())).collect();
        assert_eq!(ids, [None, Some("r-\"1"), Some("own")]);
        assert_eq!((&parsed[1]["message"], &parsed[1]["count"]), (&"within".into(), &2.into()));
        assert_eq!(written[2].matches(REQUEST_ID).count(), 1, "{}", written[2]);
    }

    #[test]
    fn lines_of_text_name_the_request_once() {
        let written = lines(|lines| {
            let layer = tracing_subscriber::fmt::layer()
                .fmt_fields(InText(DefaultFields::new()))
                .with_ansi(false)
                .with_writer(lines);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write_some);
        });
        assert!(written[0].ends_with("before count=1"), "{}", written[0]);
        assert!(written[1].ends_with("within count=2 request_id=r-\"1"), "{}", written[1]);
        assert_eq!(written[2].matches(REQUEST_ID).count(), 1, "{}", written[2]);
    }
}
