-- The text search over jobs: three characters at a time of the name, the external id and the tags, without the text
-- itself. It is filled from `job_definitions`, which grows in the order of writing, up to `indexed_to`. A match is
-- looked at again in the present definition of its job, so what the index does not know yet of a change does no harm.
CREATE VIRTUAL TABLE job_search USING fts5(
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram'
);
-- Segments are merged in small steps of the program's own: a merge within a write would take as long as it takes.
INSERT INTO job_search (job_search, rank) VALUES ('automerge', 0);
INSERT INTO job_search (job_search, rank) VALUES ('crisismerge', 1000);

CREATE TABLE job_search_progress (
    key INTEGER PRIMARY KEY NOT NULL,
    indexed_to BIGINT NOT NULL
);
INSERT INTO job_search_progress (key, indexed_to) VALUES (1, 0);

-- Edits are few among the definitions, and those that the index does not have yet are looked for by each search.
CREATE INDEX job_definitions_edits ON job_definitions (key) WHERE previous_key IS NOT NULL;

-- The jobs that are gone and whose entries in the index are not.
CREATE TABLE job_search_removed (
    job_key INTEGER PRIMARY KEY NOT NULL
);
CREATE TRIGGER job_states_leave_search AFTER DELETE ON job_states
BEGIN
    INSERT OR IGNORE INTO job_search_removed (job_key) VALUES (old.key);
END;
