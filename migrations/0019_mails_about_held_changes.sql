-- The content of a pending change that the administrators were last mailed about (its id at that time; other content gets
-- another id), and when that was. A client that alternates the content does not mail them each time.
ALTER TABLE scim_held ADD COLUMN mailed_id TEXT;
ALTER TABLE scim_held ADD COLUMN mailed_at BIGINT;
UPDATE scim_held SET mailed_id = id, mailed_at = last_at;
