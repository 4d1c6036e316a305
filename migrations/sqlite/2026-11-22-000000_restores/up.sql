-- Each time the database was made of a backup. `settled_at` is null until the jobs that were overdue at the first
-- start after it are held: until then nothing may be started.
CREATE TABLE restores (
    key INTEGER PRIMARY KEY NOT NULL,
    restored_at BIGINT NOT NULL,
    backup TEXT NOT NULL,
    settled_at BIGINT
);

-- The holds of a reason are looked for when all of them are released together.
CREATE INDEX job_holds_by_reason ON job_holds (reason, key);
