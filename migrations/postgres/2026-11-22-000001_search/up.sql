-- The text search over jobs: the name, the external id and the tags, found by three characters at a time. The index is
-- written with the definitions, which never change. A match is looked at again in the present definition of its job, so
-- what it finds beyond, as in an earlier revision, does no harm.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- What is searched, without its case. First go the two letters that become others in ASCII, and ASCII itself, whatever
-- the locale makes of them. The tags are what is stored: in them, a quotation mark has a backslash before it.
CREATE FUNCTION job_search_text(name TEXT, external_id TEXT, tags TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN lower(
        lower(translate(name || E'\n' || coalesce(external_id, '') || E'\n' || tags, E'\u212A\u0130', 'ki') COLLATE "C")
            COLLATE "default"
    );
CREATE INDEX job_definitions_search ON job_definitions
    USING gin (job_search_text(name, external_id, tags) gin_trgm_ops);
