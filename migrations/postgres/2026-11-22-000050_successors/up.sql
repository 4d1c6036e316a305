-- The id of the key that took the place of this one. A key is rotated once.
ALTER TABLE api_keys ADD COLUMN replaced_by TEXT COLLATE "C";
