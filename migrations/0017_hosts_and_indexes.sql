-- A host belongs to the account that has verified its domain. taken_at: when that account registered the host, which
-- this application had; the row is kept so that its administrators see why it has no effect.
CREATE TABLE app_hosts_with_owner (
    app_id TEXT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    hostname TEXT NOT NULL,
    host TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    taken_at BIGINT,
    PRIMARY KEY (app_id, hostname)
);
INSERT INTO app_hosts_with_owner (app_id, hostname, host, account_id)
SELECT app_id, hostname, host, account_id FROM app_hosts;
DROP TABLE app_hosts;
ALTER TABLE app_hosts_with_owner RENAME TO app_hosts;
-- As before, a host name belongs to one application of the server, whatever its port, as browsers send a cookie to all
-- ports.
CREATE UNIQUE INDEX app_hosts_hostname ON app_hosts (hostname) WHERE taken_at IS NULL;

-- The first account of the server, which is looked up at each sign-in that names no account.
CREATE INDEX accounts_age ON accounts (created_at, id);
