DROP TRIGGER job_states_leave_search;
DROP TABLE job_search_removed;
DROP INDEX job_definitions_edits;
DROP TABLE job_search_progress;
DROP TABLE job_search;
