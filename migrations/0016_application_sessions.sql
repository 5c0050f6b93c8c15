-- One session for each session at this server, application and host: a browser that passes through the handover again
-- keeps it. Of several, the newest is the one whose cookie the browser has.
DELETE FROM app_sessions WHERE EXISTS (SELECT 1 FROM app_sessions newer WHERE newer.session_id = app_sessions.session_id
    AND newer.app_id = app_sessions.app_id AND newer.host = app_sessions.host AND newer.id > app_sessions.id);
CREATE UNIQUE INDEX app_sessions_session ON app_sessions (session_id, app_id, host);

-- Anybody can send the headers of a proxy. An address that forwards many requests, and for a registered application, is
-- more likely to be one.
ALTER TABLE untrusted_proxies ADD COLUMN requests BIGINT NOT NULL DEFAULT 1;
ALTER TABLE untrusted_proxies ADD COLUMN for_application INTEGER NOT NULL DEFAULT 0;
