-- The foundation: jobs hot and cold, what waits, executions, output, the event outbox, audit and keys.
--
-- Columns are portable: times are microseconds since the epoch in UTC, JSON and states are text, the outer
-- name of a record is a UUID in text. No statement of the program reads the database's clock.

-- Hot: what changes at every transition. The upper bits of `key` are the hour in which the job was first due,
-- its home, and the lower 36 bits are `sequence`, which rises with every job: jobs that are due together lie
-- side by side, in whatever order they were made, and so do the entries of every index by job.
-- `execution_key` and `epoch` are set exactly while it runs. Nothing refers to `job_definitions` by a foreign
-- key: removing a definition would then need an index by it here and in `attempts`. The program removes a job's
-- definitions together with the job.
CREATE TABLE job_states (
    key INTEGER PRIMARY KEY NOT NULL,
    sequence BIGINT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    definition_key BIGINT NOT NULL,
    job_type TEXT NOT NULL,
    project_id TEXT NOT NULL,
    external_id TEXT,
    status TEXT NOT NULL,
    scheduled_at BIGINT,
    scheduled_local TEXT,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    next_attempt_at BIGINT,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    execution_key BIGINT,
    epoch BIGINT,
    last_execution TEXT,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_states_external_id ON job_states (external_id, project_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX job_states_by_sequence ON job_states (sequence);
-- The jobs of an hour are found by their keys, except for those that were moved to another hour, or have none.
CREATE INDEX job_states_moved ON job_states (scheduled_at)
    WHERE scheduled_at < 0 OR scheduled_at / 3600000000 <> key >> 36;
CREATE INDEX job_states_without_time ON job_states (sequence) WHERE scheduled_at IS NULL;
-- The statuses that few jobs are in. Those that wait are in `pending_jobs`, those that run in `attempts`, and
-- `completed` is what nearly all are in the end.
CREATE INDEX job_states_by_status ON job_states (status, scheduled_at)
    WHERE status NOT IN ('scheduled', 'running', 'completed');

-- Cold: what a job does, one immutable row per revision, in the order of writing. Each revision leads to the one
-- before, and the job to the last.
CREATE TABLE job_definitions (
    key INTEGER PRIMARY KEY NOT NULL,
    previous_key BIGINT,
    job_key BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    name TEXT NOT NULL,
    job_type TEXT NOT NULL,
    config TEXT NOT NULL,
    project_id TEXT NOT NULL,
    tags TEXT NOT NULL,
    priority BIGINT NOT NULL,
    timezone TEXT NOT NULL,
    timeout_seconds BIGINT,
    max_retries BIGINT NOT NULL,
    retry_delay_seconds BIGINT NOT NULL,
    retry_max_delay_seconds BIGINT NOT NULL,
    retry_exit_codes TEXT,
    max_lateness_seconds BIGINT,
    on_late TEXT NOT NULL,
    on_crash TEXT NOT NULL,
    concurrency_key TEXT,
    external_id TEXT,
    metadata TEXT NOT NULL,
    origin TEXT,
    runs_on TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE job_holds (
    key INTEGER PRIMARY KEY NOT NULL,
    job_key BIGINT NOT NULL REFERENCES job_states (key) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    held_by TEXT NOT NULL,
    held_at BIGINT NOT NULL,
    until BIGINT
);
CREATE UNIQUE INDEX job_holds_by_job ON job_holds (job_key, reason);
CREATE INDEX job_holds_ending ON job_holds (until) WHERE until IS NOT NULL;

-- What waits, clustered by due hour, so that jobs of random due times are written side by side. It has no
-- reference to `job_states`: checking one would need an index by job, which is what the layout avoids.
CREATE TABLE pending_jobs (
    due_hour BIGINT NOT NULL,
    job_key BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    job_type TEXT NOT NULL,
    concurrency_key TEXT,
    PRIMARY KEY (due_hour, job_key)
) WITHOUT ROWID;

-- The concurrency keys of which a job runs.
CREATE TABLE busy_keys (
    job_key INTEGER PRIMARY KEY NOT NULL REFERENCES job_states (key) ON DELETE CASCADE,
    concurrency_key TEXT NOT NULL UNIQUE
);

-- Executions: appended by the claim, completed by one update at the end.
CREATE TABLE attempts (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    job_key BIGINT NOT NULL REFERENCES job_states (key) ON DELETE CASCADE,
    definition_key BIGINT NOT NULL,
    project_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until BIGINT,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    exit_code BIGINT,
    error TEXT,
    scheduled_for BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    completed_at BIGINT,
    duration_us BIGINT,
    lateness_us BIGINT NOT NULL,
    output_bytes BIGINT NOT NULL,
    output_truncated BOOLEAN NOT NULL,
    result TEXT
);
CREATE INDEX attempts_by_job ON attempts (job_key, started_at);
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX attempts_running ON attempts (epoch) WHERE status = 'running';

CREATE TABLE output_chunks (
    key INTEGER PRIMARY KEY NOT NULL,
    execution_key BIGINT NOT NULL REFERENCES attempts (key) ON DELETE CASCADE,
    start_offset BIGINT NOT NULL,
    stream TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    bytes BLOB NOT NULL
);
CREATE UNIQUE INDEX output_chunks_by_execution ON output_chunks (execution_key, start_offset);

-- The outbox. The writer numbers events without gaps. The newest one is never removed, so that no number is used
-- twice and a reader's cursor stays true.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY NOT NULL,
    written_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    job_id TEXT,
    execution_id TEXT,
    project_id TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE audit_entries (
    key INTEGER PRIMARY KEY NOT NULL,
    written_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    project_id TEXT,
    request_id TEXT
);

-- `key_hash` stands for actor and key: the names themselves would make an index four times as large, whose pages
-- are written in random order.
CREATE TABLE idempotency_records (
    key INTEGER PRIMARY KEY NOT NULL,
    key_hash BIGINT NOT NULL UNIQUE,
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    subjects TEXT NOT NULL,
    written_at BIGINT NOT NULL
);

CREATE TABLE job_counters (
    key INTEGER PRIMARY KEY NOT NULL,
    status TEXT NOT NULL UNIQUE,
    jobs BIGINT NOT NULL
);
INSERT INTO job_counters (status, jobs) VALUES
    ('scheduled', 0), ('running', 0), ('held', 0), ('completed', 0),
    ('failed', 0), ('cancelled', 0), ('missed', 0);

CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    node_id TEXT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    key_prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

-- For people with a plain SQL shell: names, states and UTC times that can be read.
CREATE VIEW jobs AS
SELECT
    s.id,
    d.name,
    s.job_type AS type,
    s.status,
    s.project_id,
    strftime('%Y-%m-%d %H:%M:%S', s.scheduled_at / 1000000, 'unixepoch') || printf('.%06dZ', s.scheduled_at % 1000000) AS scheduled_at,
    s.scheduled_local,
    d.timezone,
    d.priority,
    s.run,
    s.attempt,
    strftime('%Y-%m-%d %H:%M:%S', s.next_attempt_at / 1000000, 'unixepoch') || printf('.%06dZ', s.next_attempt_at % 1000000) AS next_attempt_at,
    s.last_execution,
    s.external_id,
    d.concurrency_key,
    d.config,
    s.created_by,
    strftime('%Y-%m-%d %H:%M:%S', s.created_at / 1000000, 'unixepoch') || printf('.%06dZ', s.created_at % 1000000) AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', s.updated_at / 1000000, 'unixepoch') || printf('.%06dZ', s.updated_at % 1000000) AS updated_at,
    d.revision,
    s.version
FROM job_states AS s
JOIN job_definitions AS d ON d.key = s.definition_key;

CREATE VIEW executions AS
SELECT
    a.id,
    s.id AS job_id,
    d.name AS job_name,
    d.job_type,
    a.project_id,
    a.run,
    a.attempt,
    a.status,
    a.reason,
    a.exit_code,
    a.error,
    strftime('%Y-%m-%d %H:%M:%S', a.scheduled_for / 1000000, 'unixepoch') || printf('.%06dZ', a.scheduled_for % 1000000) AS scheduled_for,
    strftime('%Y-%m-%d %H:%M:%S', a.started_at / 1000000, 'unixepoch') || printf('.%06dZ', a.started_at % 1000000) AS started_at,
    strftime('%Y-%m-%d %H:%M:%S', a.completed_at / 1000000, 'unixepoch') || printf('.%06dZ', a.completed_at % 1000000) AS completed_at,
    a.duration_us / 1000.0 AS duration_ms,
    a.lateness_us / 1000.0 AS lateness_ms,
    a.node_id AS worker,
    a.output_bytes,
    a.output_truncated
FROM attempts AS a
JOIN job_states AS s ON s.key = a.job_key
JOIN job_definitions AS d ON d.key = a.definition_key;
