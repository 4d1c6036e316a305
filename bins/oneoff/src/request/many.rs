//! Many jobs from a file: JSON lines, or one JSON array.

use crate::failure::Failure;
use oneoff_domain::limits::{BULK_BODY_MAX_BYTES, BULK_MAX_JOBS};
use serde_json::{Map, Value};

/// Jobs that are sent together where each stands on its own.
const SLICE_JOBS: usize = 1_000;
/// Room that is left in a request for what is around the jobs.
const AROUND_BYTES: usize = 1024;

/// A job as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileJob {
    /// What it is called in errors: `3 (line 5)`.
    pub(crate) place: String,
    /// The fields of `POST /api/jobs`.
    pub(crate) fields: Map<String, Value>,
    bytes: usize,
}

/// Reads the jobs of a file. Times of jobs that name no zone are read in `zone`.
pub(crate) fn read_jobs(text: &str, zone: &str) -> Result<Vec<FileJob>, Failure> {
    let mut jobs = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut end = 0;
    while let Some(value) = values.next() {
        let line = line_of_next(text, end);
        end = values.byte_offset();
        match value.map_err(|error| Failure::local("--from: this is not JSON", &error))? {
            Value::Array(items) => {
                for item in items {
                    let place = (jobs.len() + 1).to_string();
                    jobs.push(file_job(item, place, zone)?);
                }
            }
            value => {
                let place = format!("{} (line {line})", jobs.len() + 1);
                jobs.push(file_job(value, place, zone)?);
            }
        }
    }
    match jobs.is_empty() {
        true => Err(Failure::usage("--from: there are no jobs in it")
            .with_hint("one job per line, or an array of them, each as in POST /api/jobs")),
        false => Ok(jobs),
    }
}

/// The line of the first character after `end` that is no space.
fn line_of_next(text: &str, end: usize) -> usize {
    let rest = text.get(end..).unwrap_or_default();
    let begin = text.len() - rest.trim_start().len();
    1 + text.bytes().take(begin).filter(|byte| *byte == b'\n').count()
}

fn file_job(value: Value, place: String, zone: &str) -> Result<FileJob, Failure> {
    let Value::Object(mut fields) = value else {
        return Err(Failure::usage(format!("--from: job {place} is not a JSON object")).with_hint(
            "{\"type\": \"shell\", \"config\": {\"script\": \"...\"}, \"scheduled_at\": \"tomorrow 9am\"}",
        ));
    };
    if !fields.keys().any(|name| name.eq_ignore_ascii_case("timezone")) {
        fields.insert("timezone".to_owned(), zone.into());
    }
    let bytes = serde_json::to_string(&fields).map_or(0, |text| text.len() + 1);
    Ok(FileJob { place, fields, bytes })
}

/// The jobs as they are sent: all in one request where they stand or fall together, else in slices.
pub(crate) fn slices(jobs: Vec<FileJob>, each: bool) -> Result<Vec<Vec<FileJob>>, Failure> {
    let room = BULK_BODY_MAX_BYTES - AROUND_BYTES;
    if !each {
        let bytes: usize = jobs.iter().map(|job| job.bytes).sum();
        if jobs.len() > BULK_MAX_JOBS || bytes > room {
            let message = format!(
                "--from: {} jobs of {bytes} bytes are too many to stand or fall together",
                jobs.len()
            );
            return Err(Failure::usage(message).with_hint(format!(
                "at most {BULK_MAX_JOBS} jobs of {room} bytes; with --each there is no limit, and each job stands on its own"
            )));
        }
        return Ok(vec![jobs]);
    }
    let mut slices: Vec<Vec<FileJob>> = Vec::new();
    let mut bytes = usize::MAX;
    for job in jobs {
        bytes = bytes.saturating_add(job.bytes);
        match slices.last_mut() {
            Some(slice) if bytes <= room && slice.len() < SLICE_JOBS => slice.push(job),
            _ => {
                bytes = job.bytes;
                slices.push(vec![job]);
            }
        }
    }
    Ok(slices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(String, String)> {
        let jobs = read_jobs(text, "UTC").unwrap();
        jobs.into_iter().map(|job| (job.place, job.fields["name"].as_str().unwrap().to_owned())).collect()
    }

    #[test]
    fn lines_and_arrays_are_read_in_order() {
        let expected = |places: [&str; 2]| {
            [(places[0].to_owned(), "a".to_owned()), (places[1].to_owned(), "b".to_owned())]
        };
        let lines = "\u{feff}{\"name\":\"a\"}\r\n\n{\"name\":\"b\"}\n";
        assert_eq!(names(lines), expected(["1 (line 1)", "2 (line 3)"]));
        assert_eq!(names("[{\"name\":\"a\"},\n{\"name\":\"b\"}]"), expected(["1", "2"]));
        let pretty = "{\n  \"name\": \"a\"\n}\n{\n  \"name\": \"b\"\n}";
        assert_eq!(names(pretty), expected(["1 (line 1)", "2 (line 4)"]));
    }

    #[test]
    fn a_zone_is_added_where_none_is_given() {
        let jobs = read_jobs("{\"a\":1}{\"Timezone\":\"Asia/Tokyo\"}", "Europe/Madrid").unwrap();
        assert_eq!(jobs[0].fields["timezone"], "Europe/Madrid");
        assert_eq!(jobs[1].fields.len(), 1);
    }

    #[test]
    fn what_is_no_job_is_told_with_its_place() {
        for (text, part) in [
            ("", "no jobs"),
            ("[]", "no jobs"),
            ("{\"a\":1}\n7", "job 2 (line 2)"),
            ("[{\"a\":1},null]", "job 2 is not"),
            ("name,when\na,b", "not JSON"),
            ("{\"a\":1}\n{", "not JSON"),
        ] {
            let failure = read_jobs(text, "UTC").unwrap_err();
            assert!(failure.message.contains(part), "{text}: {}", failure.message);
        }
    }

    #[test]
    fn many_jobs_are_cut_by_number_and_by_size() {
        let job = |bytes| FileJob { place: "1".to_owned(), fields: Map::new(), bytes };
        let lengths =
            |jobs: Vec<FileJob>| -> Vec<usize> { slices(jobs, true).unwrap().iter().map(Vec::len).collect() };
        assert_eq!(lengths(vec![job(10); 2 * SLICE_JOBS + 1]), [SLICE_JOBS, SLICE_JOBS, 1]);
        assert_eq!(lengths(vec![job(BULK_BODY_MAX_BYTES / 2 - AROUND_BYTES); 5]), [2, 2, 1]);
        assert_eq!(lengths(vec![job(BULK_BODY_MAX_BYTES * 2); 2]), [1, 1]);
        assert_eq!(slices(vec![job(10); BULK_MAX_JOBS], false).unwrap().len(), 1);
        assert!(slices(vec![job(10); BULK_MAX_JOBS + 1], false).is_err());
        assert!(slices(vec![job(BULK_BODY_MAX_BYTES)], false).is_err());
    }
}
