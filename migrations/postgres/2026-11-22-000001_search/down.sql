-- The extension stays: something else in the database may use it.
DROP TRIGGER job_states_leave_search ON job_states;
DROP FUNCTION job_states_leave_search();
DROP TABLE job_search_removed;
DROP INDEX job_definitions_edits;
DROP TABLE job_search_progress;
DROP TABLE job_search;
