-- The foundation: jobs hot and cold, what waits, executions, output, the event outbox, audit and keys.
--
-- Columns are portable: times are microseconds since the epoch in UTC, JSON and states are text, the outer
-- name of a record is a UUID in text, and text is compared by its bytes. No statement of the program reads the
-- database's clock. An index ends in the key wherever rows are read in its order, so that no order is left open.

-- The keys of `job_states`, `job_definitions` and `attempts` are given by the programs: each number drawn here reserves
-- it and the 1023 after it for the node that drew it.
CREATE SEQUENCE job_definition_keys AS BIGINT INCREMENT BY 1024;
CREATE SEQUENCE attempt_keys AS BIGINT INCREMENT BY 1024;

-- Jobs, in the order of their creation: what they were made with, and their state as long as they wait or are held.
-- A job that runs has its present state in `running_jobs`, and one that is over has it in `ended_jobs`; `status` here is
-- `scheduled` then. Jobs start and end in the order of their due times, so each write of a row here would be
-- one of a page that no other job of the moment shares. Nothing refers to `job_definitions` or `attempts` by a
-- foreign key: removing a row would then need an index by it. The program removes what belongs to a job.
CREATE TABLE job_states (
    key BIGINT PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    definition_key BIGINT NOT NULL,
    job_type TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    status TEXT COLLATE "C" NOT NULL,
    scheduled_at BIGINT,
    scheduled_local TEXT COLLATE "C",
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    next_attempt_at BIGINT,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    last_attempt_key BIGINT,
    last_execution TEXT COLLATE "C",
    created_by TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_states_external_id ON job_states (external_id, project_id) WHERE external_id IS NOT NULL;
-- Nobody asks for the jobs of the default project alone, which are nearly all of most databases.
CREATE INDEX job_states_by_project ON job_states (project_id, key) WHERE project_id <> 'default';
CREATE INDEX job_states_held ON job_states (scheduled_at, key) WHERE status = 'held';
-- Nobody asks for the jobs of the default project alone, which are nearly all of most databases.
CREATE INDEX job_states_by_project ON job_states (project_id, key) WHERE project_id <> 'default';
CREATE INDEX job_states_held_without_time ON job_states (key) WHERE status = 'held' AND scheduled_at IS NULL;

-- The present state of the jobs that run: few rows, which take the place of those in `job_states`.
CREATE TABLE running_jobs (
    job_key BIGINT PRIMARY KEY,
    execution_key BIGINT NOT NULL,
    execution_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX running_jobs_by_epoch ON running_jobs (epoch);

-- The state of the jobs that are over, by the scheduled time of `job_states`, which leads to it. Of a job without a
-- scheduled time that is the least number there is.
CREATE TABLE ended_jobs (
    scheduled_at BIGINT NOT NULL,
    job_key BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    job_type TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    last_attempt_key BIGINT,
    last_execution TEXT COLLATE "C",
    ended_at BIGINT NOT NULL,
    PRIMARY KEY (scheduled_at, job_key)
);
-- `completed` is what nearly all jobs are in the end.
CREATE INDEX ended_jobs_by_status ON ended_jobs (status, scheduled_at, job_key) WHERE status <> 'completed';
-- For retention. It only grows at its end.
CREATE INDEX ended_jobs_by_end ON ended_jobs (ended_at, scheduled_at, job_key);

-- Cold: what a job does, one immutable row per revision, in the order of writing. Each revision leads to the one
-- before, and the job to the last.
CREATE TABLE job_definitions (
    key BIGINT PRIMARY KEY,
    previous_key BIGINT,
    job_key BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    job_type TEXT COLLATE "C" NOT NULL,
    config TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    timezone TEXT COLLATE "C" NOT NULL,
    timeout_seconds BIGINT,
    max_retries BIGINT NOT NULL,
    retry_delay_seconds BIGINT NOT NULL,
    retry_max_delay_seconds BIGINT NOT NULL,
    retry_exit_codes TEXT COLLATE "C",
    max_lateness_seconds BIGINT,
    on_late TEXT COLLATE "C" NOT NULL,
    on_crash TEXT COLLATE "C" NOT NULL,
    concurrency_key TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    metadata TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C",
    runs_on TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);

CREATE TABLE job_holds (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    job_key BIGINT NOT NULL REFERENCES job_states (key) ON DELETE CASCADE,
    reason TEXT COLLATE "C" NOT NULL,
    held_by TEXT COLLATE "C" NOT NULL,
    held_at BIGINT NOT NULL,
    until BIGINT
);
CREATE UNIQUE INDEX job_holds_by_job ON job_holds (job_key, reason);
CREATE INDEX job_holds_ending ON job_holds (until) WHERE until IS NOT NULL;

-- What waits. It has no reference to `job_states`, which each claim would have to look at.
CREATE TABLE arrivals (
    job_key BIGINT PRIMARY KEY,
    due_at BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    job_type TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    concurrency_key TEXT COLLATE "C"
);
CREATE INDEX arrivals_by_due ON arrivals (due_at, job_key);

-- The concurrency keys of which a job runs.
CREATE TABLE busy_keys (
    job_key BIGINT PRIMARY KEY REFERENCES job_states (key) ON DELETE CASCADE,
    concurrency_key TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Executions: appended by the claim, completed by one update at the end, for which no index needs to change. Those that
-- run are found by `running_jobs`. Each leads to the one before of its job, as long as that is kept, and the job to its
-- last.
CREATE TABLE attempts (
    key BIGINT PRIMARY KEY,
    previous_key BIGINT,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    job_key BIGINT NOT NULL,
    definition_key BIGINT NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    node_id TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    lease_until BIGINT,
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    exit_code BIGINT,
    error TEXT COLLATE "C",
    scheduled_for BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    completed_at BIGINT,
    duration_us BIGINT,
    lateness_us BIGINT NOT NULL,
    output_bytes BIGINT NOT NULL,
    output_truncated BOOLEAN NOT NULL,
    result TEXT COLLATE "C"
);
CREATE INDEX attempts_by_start ON attempts (started_at, key);

-- Output, in the order of writing. It has no reference to `attempts`: removing a job at once must not remove all
-- output of its executions at once, which may be gigabytes. `removed_output` names the executions that are gone
-- while some of their output is not yet; it goes in slices.
CREATE TABLE output_chunks (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    execution_key BIGINT NOT NULL,
    start_offset BIGINT NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    written_at BIGINT NOT NULL,
    bytes BYTEA NOT NULL
);
CREATE UNIQUE INDEX output_chunks_by_execution ON output_chunks (execution_key, start_offset);
CREATE TABLE removed_output (
    execution_key BIGINT PRIMARY KEY
);
-- One row: the bytes in all chunks.
CREATE TABLE output_totals (
    key BIGINT PRIMARY KEY,
    bytes BIGINT NOT NULL
);
INSERT INTO output_totals (key, bytes) VALUES (1, 0);

-- The outbox. Events are written to `new_events` without a number, and moved from there to `events` under numbers without
-- gaps by the node that has this role: those who read find in `events` nothing before what they have read. The newest
-- one is never removed, so that no number is used twice and a reader's cursor stays true.
CREATE TABLE events (
    sequence BIGINT PRIMARY KEY,
    written_at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    job_id TEXT COLLATE "C",
    execution_id TEXT COLLATE "C",
    project_id TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    epoch BIGINT
);
CREATE TABLE new_events (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    written_at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    job_id TEXT COLLATE "C",
    execution_id TEXT COLLATE "C",
    project_id TEXT COLLATE "C" NOT NULL,
    data TEXT COLLATE "C" NOT NULL,
    epoch BIGINT
);

CREATE TABLE audit_entries (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    written_at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C",
    request_id TEXT COLLATE "C",
    before_json TEXT COLLATE "C",
    after_json TEXT COLLATE "C"
);

-- `key_hash` stands for actor and key, and comes first in the index as it is short and tells nearly all apart.
CREATE TABLE idempotency_records (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    key_hash BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    subjects TEXT COLLATE "C" NOT NULL,
    written_at BIGINT NOT NULL,
    UNIQUE (key_hash, actor, idempotency_key)
);

-- The number of jobs of a status is the sum over its shards. One server needs one shard; several have one each, so
-- that none waits for another's row.
CREATE TABLE job_counters (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    status TEXT COLLATE "C" NOT NULL,
    shard BIGINT NOT NULL,
    jobs BIGINT NOT NULL,
    UNIQUE (status, shard)
);
INSERT INTO job_counters (status, shard, jobs) VALUES
    ('scheduled', 0, 0), ('running', 0, 0), ('held', 0, 0), ('completed', 0, 0),
    ('failed', 0, 0), ('cancelled', 0, 0), ('missed', 0, 0);

-- The lives of server processes. The lease and what a node says of itself are kept up only where there are several.
CREATE TABLE epochs (
    epoch BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    node_id TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    -- Kept up only where it matters after a crash: with HOLD_OVERDUE_AFTER_SECONDS.
    last_seen_at BIGINT,
    lease_until BIGINT,
    ended_at BIGINT,
    version TEXT COLLATE "C",
    slots BIGINT,
    running BIGINT,
    clock_offset_us BIGINT,
    -- Projects, tags and settings up to this version are known before anything is claimed. Kept up only where there are several.
    catalog_version BIGINT NOT NULL DEFAULT 0
);

-- Work that one node does for all: which epoch has it until when. Each change of hands raises the term.
CREATE TABLE roles (
    name TEXT COLLATE "C" PRIMARY KEY,
    epoch BIGINT NOT NULL,
    term BIGINT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE api_keys (
    key BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    key_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    key_prefix TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL
);

-- Where this database was filled from a file: which file and state of it `source` stands for, and how far each of its
-- tables is, written with the rows. No server starts before `finished_at`. Only servers have it: nothing is moved to a file.
CREATE TABLE moving (
    key BIGINT PRIMARY KEY,
    source TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE TABLE moving_tables (
    name TEXT COLLATE "C" PRIMARY KEY,
    -- The numbers by whose order the file has its rows, of the last row that was moved.
    last_first BIGINT NOT NULL,
    last_second BIGINT NOT NULL,
    rows_moved BIGINT NOT NULL,
    texts_replaced BIGINT NOT NULL,
    is_complete BOOLEAN NOT NULL
);

-- Small tables whose rows come and go all the time. Dead rows are taken away at each look of the autovacuum, as fast as it
-- can, since every claim walks over those that are left; and an update finds room beside the row it replaces.
ALTER TABLE running_jobs SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE busy_keys SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE arrivals SET (
    fillfactor = 90,
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.05
);
ALTER TABLE new_events SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE job_counters SET (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE output_totals SET (
    fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE epochs SET (
    fillfactor = 20,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE roles SET (
    fillfactor = 20,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
-- Each row is replaced once, when its execution ends, and those of a page end together: there is room for all of them, so
-- that none leaves its page and no index has to follow. The table does not grow by it.
ALTER TABLE attempts SET (fillfactor = 45);

-- For people with a plain SQL shell: names, states and UTC times that can be read. Whole seconds and the rest are added
-- one after the other, as an interval is multiplied by a floating-point number.
CREATE FUNCTION utc(microseconds BIGINT) RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT to_char(
        TIMESTAMP 'epoch' + (microseconds / 1000000) * INTERVAL '1 second'
            + (microseconds % 1000000) * INTERVAL '1 microsecond',
        'YYYY-MM-DD HH24:MI:SS.US"Z"'
    )
$$;

CREATE VIEW jobs AS
SELECT
    s.id,
    d.name,
    s.job_type AS type,
    CASE WHEN r.job_key IS NOT NULL THEN 'running' ELSE coalesce(e.status, s.status) END AS status,
    s.project_id,
    utc(s.scheduled_at) AS scheduled_at,
    s.scheduled_local,
    d.timezone,
    d.priority,
    coalesce(r.run, e.run, s.run) AS run,
    coalesce(r.attempt, e.attempt, s.attempt) AS attempt,
    utc(CASE WHEN r.job_key IS NULL AND e.job_key IS NULL THEN s.next_attempt_at END) AS next_attempt_at,
    CASE WHEN e.job_key IS NULL THEN coalesce(r.execution_id, s.last_execution) ELSE e.last_execution END AS last_execution,
    s.external_id,
    d.concurrency_key,
    d.config,
    s.created_by,
    utc(s.created_at) AS created_at,
    utc(coalesce(r.updated_at, e.ended_at, s.updated_at)) AS updated_at,
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
    utc(a.scheduled_for) AS scheduled_for,
    utc(a.started_at) AS started_at,
    utc(a.completed_at) AS completed_at,
    a.duration_us / 1000.0::DOUBLE PRECISION AS duration_ms,
    a.lateness_us / 1000.0::DOUBLE PRECISION AS lateness_ms,
    a.node_id AS worker,
    a.output_bytes,
    a.output_truncated
FROM attempts AS a
JOIN job_states AS s ON s.key = a.job_key
JOIN job_definitions AS d ON d.key = a.definition_key;
