-- Provisioning as administrators look after it.

-- Since when a directory connection takes no changes because too many people would lose access.
ALTER TABLE connections ADD COLUMN paused_at BIGINT;

-- Rises with each user that is deleted: a count from before is good while it has not.
ALTER TABLE accounts ADD COLUMN user_deletions BIGINT NOT NULL DEFAULT 0;

-- What provisioning clients asked for. No references: rows come a moment after the answer and go by their age.
CREATE TABLE scim_requests (
    id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    time BIGINT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    subject TEXT NOT NULL,
    subject_folded TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    note TEXT NOT NULL,
    scim_type TEXT NOT NULL,
    changes TEXT NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (connection_id, id)
);
CREATE INDEX scim_requests_subject ON scim_requests (connection_id, subject_folded) WHERE subject_folded <> '';
CREATE INDEX scim_requests_resource ON scim_requests (connection_id, resource_id) WHERE resource_id <> '';

-- Whom else a request named: members of a group.
CREATE TABLE scim_request_members (
    connection_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    PRIMARY KEY (connection_id, member_id, request_id)
);
CREATE INDEX scim_request_members_request ON scim_request_members (connection_id, request_id);

-- Changes that wait for an administrator. subject_key: one waits for each thing that is to be done.
CREATE TABLE scim_held (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    subject_key TEXT NOT NULL,
    operation TEXT NOT NULL,
    subject TEXT NOT NULL,
    changes TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    refusal TEXT,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    UNIQUE (connection_id, subject_key)
);
CREATE INDEX scim_held_connection ON scim_held (connection_id, id);

-- How many users lost access through a connection, by minute. users: how many it managed when the minute began.
CREATE TABLE scim_removals (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    minute BIGINT NOT NULL,
    users BIGINT NOT NULL,
    removed BIGINT NOT NULL,
    PRIMARY KEY (connection_id, minute)
);

-- Groups in groups, as a directory says it. They give nobody anything.
CREATE TABLE group_nestings (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    group_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, member_id, source)
);
CREATE INDEX group_nestings_member ON group_nestings (member_id);

-- Also counted by the guard: how many a connection has let in.
DROP INDEX users_connection;
CREATE INDEX users_connection ON users (connection_id, active);

-- Users a directory has made who have to be told how they come in.
ALTER TABLE users ADD COLUMN welcome_due INTEGER NOT NULL DEFAULT 0;
-- Searched by both columns: without statistics SQLite would rather walk through all users in the order of their ids.
CREATE INDEX users_welcome_due ON users (welcome_due, id) WHERE welcome_due = 1;
