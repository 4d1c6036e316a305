-- The foundation: jobs hot and cold, what waits, executions, output, the event outbox, audit and keys.
--
-- Columns are portable: times are microseconds since the epoch in UTC, JSON and states are text, the outer
-- name of a record is a UUID in text. No statement of the program reads the database's clock.

-- Jobs, in the order of their creation: what they were made with, and their state as long as they wait or are held.
-- A job that runs has its present state in `running_jobs`, and one that is over has it in `ended_jobs`; `status` here is
-- `scheduled` then. Jobs start and end in the order of their due times, so each write of a row here would be
-- one of a page that no other job of the moment shares. Nothing refers to `job_definitions` or `attempts` by a
-- foreign key: removing a row would then need an index by it. The program removes what belongs to a job.
CREATE TABLE job_states (
    key INTEGER PRIMARY KEY NOT NULL,
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
    last_attempt_key BIGINT,
    last_execution TEXT,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_states_external_id ON job_states (external_id, project_id) WHERE external_id IS NOT NULL;
CREATE INDEX job_states_held ON job_states (scheduled_at) WHERE status = 'held';

-- The present state of the jobs that run: few rows, which take the place of those in `job_states`.
CREATE TABLE running_jobs (
    job_key INTEGER PRIMARY KEY NOT NULL,
    execution_key BIGINT NOT NULL,
    execution_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- The state of the jobs that are over, clustered by the scheduled time of `job_states`, which leads to it: what ends
-- together lies together. Of a job without a scheduled time that is the least number there is.
CREATE TABLE ended_jobs (
    scheduled_at BIGINT NOT NULL,
    job_key BIGINT NOT NULL,
    status TEXT NOT NULL,
    job_type TEXT NOT NULL,
    project_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    last_attempt_key BIGINT,
    last_execution TEXT,
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (scheduled_at, job_key)
) WITHOUT ROWID;
-- `completed` is what nearly all jobs are in the end.
CREATE INDEX ended_jobs_by_status ON ended_jobs (status, scheduled_at) WHERE status <> 'completed';
-- For retention. It only grows at its end.
CREATE INDEX ended_jobs_by_end ON ended_jobs (ended_at);

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

-- What has begun to wait lately, in the order of keys. From here it is moved to `pending_jobs`, many jobs at a time,
-- so that jobs of random due times share the pages that are written. A job is in one of the two.
CREATE TABLE arrivals (
    job_key INTEGER PRIMARY KEY NOT NULL,
    due_at BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    job_type TEXT NOT NULL,
    project_id TEXT NOT NULL,
    concurrency_key TEXT
);

-- What waits, clustered by due hour. It has no reference to `job_states`: checking one would need an index by job,
-- which is what the layout avoids.
CREATE TABLE pending_jobs (
    due_hour BIGINT NOT NULL,
    job_key BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    job_type TEXT NOT NULL,
    project_id TEXT NOT NULL,
    concurrency_key TEXT,
    PRIMARY KEY (due_hour, job_key)
) WITHOUT ROWID;

-- The concurrency keys of which a job runs.
CREATE TABLE busy_keys (
    job_key INTEGER PRIMARY KEY NOT NULL REFERENCES job_states (key) ON DELETE CASCADE,
    concurrency_key TEXT NOT NULL UNIQUE
);

-- Executions: appended by the claim, completed by one update at the end. Each leads to the one before of its job,
-- as long as that is kept, and the job to its last.
CREATE TABLE attempts (
    key INTEGER PRIMARY KEY NOT NULL,
    previous_key BIGINT,
    id TEXT NOT NULL UNIQUE,
    job_key BIGINT NOT NULL,
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
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX attempts_running ON attempts (epoch) WHERE status = 'running';

-- Output, in the order of writing. It has no reference to `attempts`: removing a job at once must not remove all
-- output of its executions at once, which may be gigabytes. `removed_output` names the executions that are gone
-- while some of their output is not yet; it goes in slices.
CREATE TABLE output_chunks (
    key INTEGER PRIMARY KEY NOT NULL,
    execution_key BIGINT NOT NULL,
    start_offset BIGINT NOT NULL,
    stream TEXT NOT NULL,
    written_at BIGINT NOT NULL,
    bytes BLOB NOT NULL
);
CREATE UNIQUE INDEX output_chunks_by_execution ON output_chunks (execution_key, start_offset);
CREATE TABLE removed_output (
    execution_key INTEGER PRIMARY KEY NOT NULL
);
-- One row: the bytes in all chunks.
CREATE TABLE output_totals (
    key INTEGER PRIMARY KEY NOT NULL,
    bytes BIGINT NOT NULL
);
INSERT INTO output_totals (key, bytes) VALUES (1, 0);

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
    -- The id of the API key, which may be renamed.
    actor_key TEXT,
    client_address TEXT,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    project_id TEXT,
    request_id TEXT,
    before_json TEXT,
    after_json TEXT
);

-- `key_hash` stands for actor and key. The records up to `indexed_to` are found by `idempotency_hashes`; the program
-- keeps the hashes of those after it in memory and moves them there in their order, many at a time.
CREATE TABLE idempotency_records (
    key INTEGER PRIMARY KEY NOT NULL,
    key_hash BIGINT NOT NULL,
    actor TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    subjects TEXT NOT NULL,
    written_at BIGINT NOT NULL
);

CREATE TABLE idempotency_hashes (
    key_hash INTEGER PRIMARY KEY NOT NULL,
    record_key BIGINT NOT NULL
);
CREATE TABLE idempotency_progress (
    key INTEGER PRIMARY KEY NOT NULL,
    indexed_to BIGINT NOT NULL
);
INSERT INTO idempotency_progress (key, indexed_to) VALUES (1, 0);

-- The number of jobs of a status is the sum over its shards. One server needs one shard; several have one each, so
-- that none waits for another's row.
CREATE TABLE job_counters (
    key INTEGER PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    shard BIGINT NOT NULL,
    jobs BIGINT NOT NULL,
    UNIQUE (status, shard)
);
INSERT INTO job_counters (status, shard, jobs) VALUES
    ('scheduled', 0, 0), ('running', 0, 0), ('held', 0, 0), ('completed', 0, 0),
    ('failed', 0, 0), ('cancelled', 0, 0), ('missed', 0, 0);

-- The lives of server processes. The lease and what a node says of itself are kept up only where there are several.
CREATE TABLE epochs (
    epoch INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    node_id TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    -- Kept up only where it matters after a crash: with HOLD_OVERDUE_AFTER_SECONDS.
    last_seen_at BIGINT,
    lease_until BIGINT,
    ended_at BIGINT,
    version TEXT,
    slots BIGINT,
    running BIGINT,
    clock_offset_us BIGINT,
    -- Projects, tags and settings up to this version are known before anything is claimed. Kept up only where there are several.
    catalog_version BIGINT NOT NULL DEFAULT 0
);

-- Work that one node does for all: which epoch has it until when. Each change of hands raises the term.
CREATE TABLE roles (
    name TEXT PRIMARY KEY NOT NULL,
    epoch BIGINT NOT NULL,
    term BIGINT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE api_keys (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key_hash TEXT NOT NULL UNIQUE,
    key_prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- The projects that the key is restricted to, as a JSON array; null is all.
    project_ids TEXT,
    is_active BOOLEAN NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

-- For people with a plain SQL shell: names, states and UTC times that can be read.
CREATE VIEW jobs AS
SELECT
    s.id,
    d.name,
    s.job_type AS type,
    CASE WHEN r.job_key IS NOT NULL THEN 'running' ELSE coalesce(e.status, s.status) END AS status,
    s.project_id,
    strftime('%Y-%m-%d %H:%M:%S', s.scheduled_at / 1000000, 'unixepoch') || printf('.%06dZ', s.scheduled_at % 1000000) AS scheduled_at,
    s.scheduled_local,
    d.timezone,
    d.priority,
    coalesce(r.run, e.run, s.run) AS run,
    coalesce(r.attempt, e.attempt, s.attempt) AS attempt,
    strftime('%Y-%m-%d %H:%M:%S', CASE WHEN r.job_key IS NULL AND e.job_key IS NULL THEN s.next_attempt_at END / 1000000, 'unixepoch') || printf('.%06dZ', CASE WHEN r.job_key IS NULL AND e.job_key IS NULL THEN s.next_attempt_at END % 1000000) AS next_attempt_at,
    CASE WHEN e.job_key IS NULL THEN coalesce(r.execution_id, s.last_execution) ELSE e.last_execution END AS last_execution,
    s.external_id,
    d.concurrency_key,
    d.config,
    s.created_by,
    strftime('%Y-%m-%d %H:%M:%S', s.created_at / 1000000, 'unixepoch') || printf('.%06dZ', s.created_at % 1000000) AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', coalesce(r.updated_at, e.ended_at, s.updated_at) / 1000000, 'unixepoch') || printf('.%06dZ', coalesce(r.updated_at, e.ended_at, s.updated_at) % 1000000) AS updated_at,
    d.revision,
    coalesce(r.version, e.version, s.version) AS version
FROM job_states AS s
LEFT JOIN running_jobs AS r ON r.job_key = s.key
LEFT JOIN ended_jobs AS e ON e.scheduled_at = coalesce(s.scheduled_at, -9223372036854775808) AND e.job_key = s.key
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
