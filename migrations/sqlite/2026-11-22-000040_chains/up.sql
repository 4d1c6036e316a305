-- Chains: jobs that run one after another. The links are JSON: each is a definition, or names a job of which it is a copy
-- when the chain is executed.
CREATE TABLE chains (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    links TEXT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX chains_by_name ON chains (name, key);
CREATE INDEX chains_by_project ON chains (project_id, key);

-- Each time that a chain runs. It outlives its chain.
CREATE TABLE chain_executions (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    chain_id TEXT NOT NULL,
    chain_name TEXT NOT NULL,
    project_id TEXT NOT NULL,
    status TEXT NOT NULL,
    cancel_requested BOOLEAN NOT NULL,
    scheduled_at BIGINT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX chain_executions_by_chain ON chain_executions (chain_id, key);
-- Those that run, or are yet to.
CREATE INDEX chain_executions_active ON chain_executions (project_id, key) WHERE ended_at IS NULL;
-- For retention.
CREATE INDEX chain_executions_by_end ON chain_executions (ended_at, key) WHERE ended_at IS NOT NULL;

-- What its links are to run, as of its beginning, and what became of them. The id of a link's job is chosen at the
-- beginning: however often a step is done over, no link has a second job.
CREATE TABLE chain_execution_links (
    key INTEGER PRIMARY KEY NOT NULL,
    execution_key BIGINT NOT NULL REFERENCES chain_executions (key) ON DELETE CASCADE,
    link_index BIGINT NOT NULL,
    name TEXT NOT NULL,
    job_type TEXT NOT NULL,
    definition TEXT NOT NULL,
    source_job_id TEXT,
    run_if TEXT NOT NULL,
    stop_on_failure BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    job_id TEXT NOT NULL UNIQUE,
    execution_id TEXT,
    exit_code BIGINT,
    started_at BIGINT,
    ended_at BIGINT
);
CREATE UNIQUE INDEX chain_execution_links_by_place ON chain_execution_links (execution_key, link_index);
