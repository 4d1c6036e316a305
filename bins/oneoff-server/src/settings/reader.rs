//! Reads values one by one and collects what is wrong, so that one start tells all of it.

use super::layers::Given;

/// A value that cannot be used: `None` is explained by what the table allows, `Some` says more.
pub(super) struct Unusable(pub(super) Option<String>);

/// What a parser answers.
pub(super) type Parsed<T> = Result<T, Unusable>;

/// Reads values and collects problems.
pub(super) struct Reader<'a> {
    given: &'a [Given],
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a [Given], problems: Vec<String>) -> Self {
        Self { given, problems }
    }

    /// The value of a setting; where it is wrong, a stand-in and a problem.
    pub(super) fn read<T: Default>(&mut self, name: &str, parse: impl Fn(&str) -> Parsed<T>) -> T {
        let Some(given) = self.given.iter().find(|given| given.setting.name == name) else {
            self.problems.push(format!("{name} has no value"));
            return T::default();
        };
        parse(given.value.trim()).unwrap_or_else(|Unusable(more)| {
            self.problems.push(describe(given, more));
            T::default()
        })
    }

    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }
}

fn describe(given: &Given, more: Option<String>) -> String {
    let value: String = given.setting.shown(&given.value).chars().take(200).collect();
    let more = more.map(|more| format!(" ({more})")).unwrap_or_default();
    format!(
        "{}={value} ({}) is not allowed: give {}{more}",
        given.setting.name, given.origin, given.setting.allowed
    )
}
