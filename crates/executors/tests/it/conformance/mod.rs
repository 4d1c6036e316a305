//! The same checks for every job type. A new type adds its fixture here and nothing else.

mod http;
mod shell;

use crate::support::{PATIENCE, context, run, start};
use oneoff_domain::{ExecutionStatus, Reason};
use oneoff_executors::{EgressPolicy, Executor, Registry, StopReason};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Pending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What a job type must show.
trait Fixture: Send + Sync {
    /// The type.
    fn job_type(&self) -> &'static str;
    /// Configs that are accepted.
    fn good(&self) -> Vec<Value>;
    /// Configs that are refused, each with the pointer to what is wrong.
    fn bad(&self) -> Vec<(Value, &'static str)>;
    /// Ends well and writes `marker` to its output.
    fn succeeds(&self) -> Value;
    /// Fails, for this reason.
    fn fails(&self) -> (Value, Reason);
    /// Writes `marker`, then goes on for minutes.
    fn lasts(&self) -> Value;
    /// Returns when nothing of an attempt of [`Self::lasts`] with this id is left.
    fn gone(&self, id: oneoff_domain::ExecutionId) -> Pending<'_>;
}

const MARKER: &str = "marker";
const SECOND: Duration = Duration::from_secs(1);

async fn fixtures() -> Vec<Box<dyn Fixture>> {
    vec![Box::new(http::HttpFixture::start().await), Box::new(shell::ShellFixture)]
}

async fn table() -> Vec<(Arc<dyn Executor>, Box<dyn Fixture>)> {
    let registry = Registry::builtin(EgressPolicy::Default).unwrap();
    let fixtures = fixtures().await;
    let covered: BTreeSet<_> = fixtures.iter().map(|fixture| fixture.job_type()).collect();
    assert_eq!(registry.job_types().collect::<BTreeSet<_>>(), covered, "every type has its fixture");
    fixtures.into_iter().map(|fixture| (registry.get(fixture.job_type()).unwrap().clone(), fixture)).collect()
}

fn object(config: &Value) -> &Map<String, Value> {
    config.as_object().unwrap()
}

#[tokio::test]
async fn good_configs_are_accepted_and_summed_up() {
    for (executor, fixture) in table().await {
        let mut configs = fixture.good();
        configs.extend([fixture.succeeds(), fixture.fails().0, fixture.lasts()]);
        for config in configs {
            assert_eq!(executor.validate(object(&config)), Ok(()), "{config}");
            let summary = executor.summary(object(&config));
            assert_eq!(executor.validate_and_sum_up(object(&config)).as_ref(), Ok(&summary), "{config}");
            let length = summary.chars().count();
            assert!((1..=256).contains(&length), "{config}: {summary}");
            assert!(!summary.chars().any(char::is_control), "{summary:?}");
        }
    }
}

#[tokio::test]
async fn bad_configs_are_refused_with_a_pointer_and_never_run() {
    for (executor, fixture) in table().await {
        for (config, pointer) in fixture.bad() {
            let errors = executor.validate(object(&config)).unwrap_err();
            assert_eq!(executor.validate_and_sum_up(object(&config)).as_ref(), Err(&errors), "{config}");
            assert!(errors.iter().any(|error| error.pointer == pointer), "{config}: {errors:?}");
            assert!(errors.iter().all(|error| !error.message.is_empty()));
            assert!(!executor.summary(object(&config)).is_empty());
            let outcome = run(executor.as_ref(), config).await.outcome;
            assert_eq!(outcome.reason, Reason::InvalidConfig);
        }
    }
}

#[tokio::test]
async fn the_schema_of_a_type_says_what_is_checked() {
    for (executor, fixture) in table().await {
        let schema = executor.config_schema();
        let judge = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        let mut good = fixture.good();
        good.extend([fixture.succeeds(), fixture.fails().0, fixture.lasts()]);
        let examples = schema["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{}", fixture.job_type());
        good.extend(examples.clone());
        for config in good {
            assert_eq!(executor.validate(object(&config)), Ok(()), "{config}");
            let errors: Vec<String> = judge.iter_errors(&config).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{config}: {errors:?}");
        }
        let known = schema["properties"].as_object().unwrap();
        assert!(known.values().all(|property| property["description"].is_string()), "{known:?}");
        for (config, pointer) in fixture.bad() {
            assert!(!judge.is_valid(&config), "{config} is refused, {pointer}");
        }
        for name in known.keys() {
            let mut config = object(&fixture.succeeds()).clone();
            config.insert(name.clone(), json!({"\0": [[]]}));
            let is_refused = executor.validate(&config).is_err();
            assert_eq!(judge.is_valid(&Value::Object(config)), !is_refused, "{name}");
        }
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused_and_the_policies_are_not() {
    for (executor, fixture) in table().await {
        let mut config = object(&fixture.succeeds()).clone();
        let policies =
            ["timeout", "timeout_seconds", "max_retries", "retry_delay_seconds", "retry_max_delay_seconds"];
        for policy in policies {
            config.insert(policy.to_owned(), 5.into());
        }
        assert_eq!(executor.validate(&config), Ok(()), "{config:?}");
        config.insert("tiemout".to_owned(), 5.into());
        let errors = executor.validate(&config).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].pointer, "/tiemout");
        assert_eq!(errors[0].hint.as_deref(), Some("did you mean `timeout`?"));
    }
}

#[tokio::test]
async fn the_schema_says_the_bounds_of_the_policies() {
    for (executor, fixture) in table().await {
        let judge = jsonschema::validator_for(&executor.config_schema()).unwrap();
        for (policy, value, is_good) in [
            ("timeout", json!(null), true),
            ("timeout", json!(-1), true),
            ("timeout", json!(2_592_000), true),
            ("timeout", json!(2_592_001), false),
            ("timeout_seconds", json!(null), true),
            ("timeout_seconds", json!(2_592_001), false),
            ("max_retries", json!(null), true),
            ("max_retries", json!(1_000), true),
            ("max_retries", json!(1_001), false),
            ("max_retries", json!(-1), false),
            ("retry_delay_seconds", json!(2_592_000), true),
            ("retry_delay_seconds", json!(2_592_001), false),
            ("retry_max_delay_seconds", json!(-1), false),
            ("retry_max_delay_seconds", json!("5"), false),
        ] {
            let mut config = object(&fixture.succeeds()).clone();
            config.insert(policy.to_owned(), value.clone());
            assert_eq!(executor.validate(&config).is_ok(), is_good, "{policy}: {value}");
            assert_eq!(judge.is_valid(&Value::Object(config)), is_good, "{policy}: {value}");
        }
    }
}

#[tokio::test]
async fn success_and_failure_are_told_apart() {
    for (executor, fixture) in table().await {
        let success = run(executor.as_ref(), fixture.succeeds()).await;
        assert_eq!(success.outcome.status, ExecutionStatus::Completed, "{:?}", success.outcome);
        assert_eq!((success.outcome.reason, success.outcome.error), (Reason::Success, None));
        assert!(success.stdout.contains(MARKER), "{}", success.stdout);
        let (config, reason) = fixture.fails();
        let failure = run(executor.as_ref(), config).await.outcome;
        assert_eq!((failure.status, failure.reason), (ExecutionStatus::Failed, reason));
        assert!(failure.error.is_some_and(|error| !error.contains('\n')));
    }
}

#[tokio::test]
async fn output_arrives_before_the_end_and_a_stop_ends_within_a_second() {
    for (executor, fixture) in table().await {
        let reasons =
            [StopReason::Cancelled, StopReason::TimedOut, StopReason::Shutdown, StopReason::LeaseLost];
        for reason in reasons {
            let mut took = Vec::new();
            // The best of a few: a busy machine pauses, but not every time.
            while took.len() < 5 && took.iter().all(|took| *took >= SECOND) {
                let mut attempt = start(executor.as_ref(), &fixture.lasts());
                attempt.wrote(MARKER).await;
                assert!(!attempt.task.is_finished());
                let (id, began) = (attempt.id, Instant::now());
                attempt.trigger.fire(reason);
                let outcome = attempt.finish().await.outcome;
                fixture.gone(id).await;
                took.push(began.elapsed());
                assert_eq!(outcome, reason.outcome());
            }
            assert!(took.iter().any(|took| *took < SECOND), "{}: {took:?}", fixture.job_type());
        }
    }
}

#[tokio::test]
async fn dropping_an_attempt_stops_it() {
    for (executor, fixture) in table().await {
        let mut attempt = start(executor.as_ref(), &fixture.lasts());
        attempt.wrote(MARKER).await;
        attempt.task.abort();
        let gone = tokio::time::timeout(PATIENCE, fixture.gone(attempt.id)).await;
        assert!(gone.is_ok(), "{} goes on", fixture.job_type());
    }
}

#[tokio::test]
async fn a_collector_that_is_gone_does_not_hold_an_attempt() {
    for (executor, fixture) in table().await {
        let (context, _trigger, output) = context(&fixture.succeeds());
        drop(output);
        let outcome = tokio::time::timeout(PATIENCE, executor.run(context)).await.expect("it ends");
        assert_eq!(outcome.reason, Reason::Success);
    }
}
