DROP INDEX job_holds_by_reason;
DROP TABLE restores;
