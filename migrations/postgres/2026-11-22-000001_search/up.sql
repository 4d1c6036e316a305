-- The text search over jobs: the name, the external id and the tags, found by three characters at a time. It is filled
-- from `job_definitions`. A match is looked at again in the present definition of its job, so what the index does not
-- know yet of a change does no harm.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- The text is in small letters already.
CREATE TABLE job_search (
    job_key BIGINT PRIMARY KEY,
    text TEXT COLLATE "C" NOT NULL
);
CREATE INDEX job_search_trigrams ON job_search USING gin (text gin_trgm_ops);

CREATE TABLE job_search_progress (
    key BIGINT PRIMARY KEY,
    indexed_to BIGINT NOT NULL
);
INSERT INTO job_search_progress (key, indexed_to) VALUES (1, 0);

-- Edits are few among the definitions, and those that the index does not have yet are looked for by each search.
CREATE INDEX job_definitions_edits ON job_definitions (key) WHERE previous_key IS NOT NULL;

-- The jobs that are gone and whose entries in the index are not. They are not taken out of it at once: it may be filled
-- at the same time with a job that another node removes.
CREATE TABLE job_search_removed (
    job_key BIGINT PRIMARY KEY
);
CREATE FUNCTION job_states_leave_search() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_search_removed (job_key) SELECT key FROM gone ON CONFLICT DO NOTHING;
    RETURN NULL;
END;
$$;
CREATE TRIGGER job_states_leave_search AFTER DELETE ON job_states
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION job_states_leave_search();
