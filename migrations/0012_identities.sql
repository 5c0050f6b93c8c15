-- A subject that is an email address or a name like one. Providers give addresses to other people, so such a link leads
-- to its user only as long as the user still has the address, and gives way to a link by a lasting identifier.
ALTER TABLE user_identities ADD COLUMN is_address INTEGER NOT NULL DEFAULT 0;

-- Identities that a provider has stated for users with a role, a password or a second factor, and that are not linked:
-- they wait for the confirmation of the user or the approval of an administrator.
CREATE TABLE pending_identities (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    is_address INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (user_id, connection_id, issuer, subject)
);
CREATE INDEX pending_identities_expiry ON pending_identities (expires_at);

-- Until when a connection from before verified domains links users who already signed in with it. -1: for a while from
-- the next start on.
ALTER TABLE connections ADD COLUMN address_grace_until BIGINT;
UPDATE connections SET address_grace_until = -1;
