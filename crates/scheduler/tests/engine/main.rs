//! The scheduler over a real store: its service is asked, its executors are fakes.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod clock_steps;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod far_times;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod manual;
#[cfg(test)]
mod of_a_file;
#[cfg(test)]
mod of_a_server;
#[cfg(test)]
mod output;
#[cfg(test)]
mod overdue;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod run;
#[cfg(test)]
mod shutdown;
#[cfg(test)]
mod validation;
#[cfg(test)]
mod zone_changes;
