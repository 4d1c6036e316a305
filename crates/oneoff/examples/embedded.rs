//! OneOff inside a program: a job type of its own, a job in a second, its output, and one that is cancelled.
//!
//! Run it with `cargo run -p oneoff --example embedded`.

use oneoff::{Error, NewJob, OneOff};
use std::io::Write as _;
use std::time::Duration;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    run(directory.path().join("jobs.db")).await.map_err(Into::into)
}

async fn run(database: std::path::PathBuf) -> Result<(), Error> {
    let oneoff = OneOff::builder()
        .sqlite(database)
        .timezone("Europe/Madrid")
        .workers(8)
        .executor_fn("greet", |context| async move {
            let name = context.config.get("name").and_then(|name| name.as_str()).ok_or("no name is given")?;
            Ok(format!("Hello, {name}!"))
        })
        .start()
        .await?;

    let greeting =
        oneoff.schedule(NewJob::new("greet").with("name", "Ada").after(Duration::from_secs(1))).await?;
    let farewell = oneoff.schedule(NewJob::new("greet").with("name", "Bob").at("in 1h")).await?;
    oneoff.cancel(farewell).await?;

    let job = oneoff.wait(greeting, Duration::from_secs(30)).await?;
    say(format_args!("{} is {}", job.definition.name, job.state.status));
    for execution in oneoff.executions(greeting).await? {
        let output = oneoff.output(execution.id).await?;
        say(format_args!("{} ({} ms late)", String::from_utf8_lossy(&output), execution.lateness_us / 1000));
    }
    say(format_args!("the other is {}", oneoff.job(farewell).await?.state.status));
    oneoff.shutdown().await;
    Ok(())
}

fn say(line: std::fmt::Arguments<'_>) {
    let _broken_pipe = writeln!(std::io::stdout(), "{line}");
}
