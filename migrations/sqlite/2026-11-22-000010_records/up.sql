-- Projects, tags and settings: few rows, which every server has in memory. And what runs came to, in few rows too.

-- What jobs belong to. Jobs name their project by its id. The one with the id `default` is always there.
CREATE TABLE projects (
    key INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    color TEXT,
    icon TEXT,
    is_archived BOOLEAN NOT NULL,
    is_paused BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
INSERT INTO projects (id, name, description, color, icon, is_archived, is_paused, version, created_at, updated_at) VALUES
    ('default', 'Default Project', 'Jobs that name no project', '#6366f1', 'folder', FALSE, FALSE, 1, 1795305600000000, 1795305600000000);

-- Definitions name tags by their ids, so that a new name of a tag is that of all of its jobs.
-- The key of one that is gone is not used again: some rows of `job_tags` may still have it.
CREATE TABLE tags (
    key INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    color TEXT,
    is_default BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
INSERT INTO tags (id, name, color, is_default, version, created_at, updated_at) VALUES
    ('019aa8c5-0000-7000-8000-000000000001', 'maintenance', '#8b5cf6', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000002', 'deployment', '#10b981', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000003', 'backup', '#3b82f6', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000004', 'cleanup', '#f59e0b', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000005', 'migration', '#ec4899', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000006', 'testing', '#14b8a6', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000007', 'production', '#ef4444', TRUE, 1, 1795305600000000, 1795305600000000),
    ('019aa8c5-0000-7000-8000-000000000008', 'staging', '#f97316', TRUE, 1, 1795305600000000, 1795305600000000);

-- Which jobs have a tag, by the present definition of each: a row for each tag of a job, and none for a job without.
CREATE TABLE job_tags (
    tag_key BIGINT NOT NULL,
    job_key BIGINT NOT NULL,
    PRIMARY KEY (tag_key, job_key)
) WITHOUT ROWID;

-- What was set while a server ran. It wins over what servers are started with.
CREATE TABLE settings (
    key INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One row: raised with each change of a project, a tag or a setting.
CREATE TABLE catalog_versions (
    key INTEGER PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO catalog_versions (key, version) VALUES (1, 1);

-- Executions that ended, by their outcome and the quarter of an hour in which they started. There is a row for each
-- quarter of somewhat more than a day, which is used again afterwards, and one for all time, whose slot is -1.
CREATE TABLE run_counters (
    key INTEGER PRIMARY KEY NOT NULL,
    slot BIGINT NOT NULL,
    status TEXT NOT NULL,
    shard BIGINT NOT NULL,
    quarter BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    UNIQUE (slot, status, shard)
);

-- Nobody asks for the jobs of the default project alone, which are nearly all of most databases.
CREATE INDEX job_states_by_project ON job_states (project_id, key) WHERE project_id <> 'default';
