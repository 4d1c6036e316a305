//! Examples of requests and answers by their names, each in the file of what it is about.

use serde_json::{Map, Value};

const FILES: [&str; 5] = [
    include_str!("examples/jobs.json"),
    include_str!("examples/chains.json"),
    include_str!("examples/records.json"),
    include_str!("examples/access.json"),
    include_str!("examples/system.json"),
];

/// Every example.
pub(crate) struct Examples(Map<String, Value>);

impl Examples {
    /// Reads them.
    pub(crate) fn read() -> Self {
        let files = FILES.iter().filter_map(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        Self(files.flatten().collect())
    }

    /// The example of this name.
    pub(crate) fn of(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }
}
