//! A PostgreSQL server whose processes are all stopped: connections stay open and nothing is answered.

use oneoff_pg_fixture::Cluster;
use std::process::Command;

/// Stopped for as long as this is kept.
pub(crate) struct Hung(Vec<u32>);

impl Hung {
    /// Stops the server's processes, the one that makes others first.
    pub(crate) fn hang(cluster: &Cluster) -> Self {
        let server = cluster.process_id().unwrap();
        signal("STOP", server);
        let mut hung = Self(vec![server]);
        let children = Command::new("pgrep").args(["-P", &server.to_string()]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        for child in children.lines().map(|line| line.trim().parse().unwrap()) {
            signal("STOP", child);
            hung.0.push(child);
        }
        assert!(hung.0.len() > 1, "it has processes");
        hung
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        self.0.iter().for_each(|process| signal("CONT", *process));
    }
}

fn signal(name: &str, process: u32) {
    let _it_may_have_ended = Command::new("kill").args(["-s", name, &process.to_string()]).status();
}
