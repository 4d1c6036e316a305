DROP INDEX job_states_by_project;
DROP TABLE run_counters;
DROP TABLE catalog_versions;
DROP TABLE settings;
DROP TABLE job_tags;
DROP TABLE tags;
DROP TABLE projects;
