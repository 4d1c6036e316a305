//! Gauges written out in the Prometheus text format for one answer. What is not known at the moment is not there, unlike
//! in the recorder, which keeps what was set once.

use std::fmt::Write as _;

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }

    /// A gauge without labels, where it is known.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.head(name, help, "gauge");
            self.sample(name, None, value);
        }
    }

    /// What has another type than its name says; Prometheus takes it as it is.
    pub(crate) fn untyped(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help, "untyped");
        self.sample(name, None, value);
    }

    /// A gauge with one label, for each of its values.
    pub(crate) fn gauges(&mut self, name: &str, help: &str, label: &str, values: &[(String, f64)]) {
        if values.is_empty() {
            return;
        }
        self.head(name, help, "gauge");
        for (value_of_label, value) in values {
            self.sample(name, Some((label, value_of_label)), *value);
        }
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a text does not fail.
        let _infallible = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, label: Option<(&str, &str)>, value: f64) {
        let _infallible = match label {
            None => writeln!(self.0, "{name} {value}"),
            Some((label, of)) => writeln!(self.0, "{name}{{{label}=\"{}\"}} {value}", escaped(of)),
        };
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    #[test]
    fn gauges_are_written_and_what_is_not_known_is_left_out() {
        let mut text = Exposition::default();
        text.gauge("a", "An a", Some(1.5));
        text.gauge("b", "A b", None);
        text.untyped("c_total", "A c", 2.0);
        text.gauges("d", "A d", "node", &[("x\"\\\ny".to_owned(), 0.0), ("z".to_owned(), 3e9)]);
        text.gauges("e", "An e", "node", &[]);
        assert_eq!(
            text.into_text(),
            "# HELP a An a\n# TYPE a gauge\na 1.5\n\
             # HELP c_total A c\n# TYPE c_total untyped\nc_total 2\n\
             # HELP d A d\n# TYPE d gauge\nd{node=\"x\\\"\\\\\\ny\"} 0\nd{node=\"z\"} 3000000000\n"
        );
    }
}
