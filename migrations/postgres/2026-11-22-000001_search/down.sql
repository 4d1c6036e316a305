-- The extension stays: something else in the database may use it.
DROP INDEX job_definitions_search;
DROP FUNCTION job_search_text(TEXT, TEXT, TEXT);
