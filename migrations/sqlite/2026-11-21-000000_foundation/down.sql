-- Removes everything that the foundation made.
DROP VIEW executions;
DROP VIEW jobs;
DROP TABLE api_keys;
DROP TABLE epochs;
DROP TABLE job_counters;
DROP TABLE idempotency_records;
DROP TABLE audit_entries;
DROP TABLE events;
DROP TABLE output_chunks;
DROP TABLE busy_keys;
DROP TABLE attempts;
DROP TABLE pending_jobs;
DROP TABLE job_holds;
DROP TABLE job_states;
DROP TABLE job_definitions;
