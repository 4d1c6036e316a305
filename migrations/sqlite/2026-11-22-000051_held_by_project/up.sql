-- Whoever is restricted to projects releases the jobs of these without going through all that is held.
CREATE INDEX job_states_held_by_project ON job_states (project_id, key) WHERE status = 'held';
