-- A link that was mailed belongs to the epoch of its user in which it was created, and is void in a later one: after
-- another address, a new password, a reset of the second factor or a deactivation. Links that are open stay valid.
ALTER TABLE links ADD COLUMN user_epoch BIGINT NOT NULL DEFAULT 0;
UPDATE links SET user_epoch = COALESCE((SELECT u.epoch FROM users u WHERE u.id = links.user_id), 0);

-- A token that was made with another token: never valid longer than that one, and revoked with it.
ALTER TABLE api_tokens ADD COLUMN parent_id TEXT;
-- 1 when the session in which its owner made the token had verified a second factor. A user who has one gets no session
-- without it, so the tokens that users made after they had enrolled were made with it.
ALTER TABLE api_tokens ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;
UPDATE api_tokens SET second_factor = 1 WHERE owner_kind = 'user' AND EXISTS
    (SELECT 1 FROM enrolments e WHERE e.user_id = api_tokens.owner_id AND e.enrolled_at <= api_tokens.created_at);
CREATE INDEX api_tokens_parent ON api_tokens (parent_id) WHERE parent_id IS NOT NULL;

-- Users that a directory sync deactivated, or would have if they had no role. user_epoch: the epoch since then; in a
-- later one an administrator has decided about them. held: 1 while an administrator has to decide.
CREATE TABLE ldap_leavers (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    held INTEGER NOT NULL,
    user_epoch BIGINT NOT NULL,
    noted_at BIGINT NOT NULL
);
CREATE INDEX ldap_leavers_connection ON ldap_leavers (connection_id);

-- Identifiers are unique without case: an application may not tell Admins from admins. Filled by the code, as the two
-- databases fold differently beyond ASCII; here for what is there already.
ALTER TABLE user_groups ADD COLUMN identifier_folded TEXT NOT NULL DEFAULT '';
UPDATE user_groups SET identifier_folded = LOWER(identifier);
CREATE INDEX user_groups_identifier_folded ON user_groups (account_id, identifier_folded);
