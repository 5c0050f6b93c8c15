-- What the sync of a directory found for a linked identity. query_key: the user query that found its entry last, by
-- ldap_user_queries.query_key. ended_at: since when the directory has the person no more, while another one manages the
-- user. The row stays, so that a new entry with the same address is not given the user.
ALTER TABLE user_identities ADD COLUMN query_key TEXT;
ALTER TABLE user_identities ADD COLUMN ended_at BIGINT;

-- What each user query (base DN and filter, as a hash) returned at the last sync that could be trusted. found: the number
-- of entries. referrals: the subtrees on other servers that were not searched, as JSON.
CREATE TABLE ldap_user_queries (
    connection_id TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    query_key TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    found BIGINT NOT NULL,
    referrals TEXT NOT NULL,
    PRIMARY KEY (connection_id, query_key)
);

-- Connections that bind as a user look for leavers without group sync, too. The first look at such a schedule plans a run a day later.
INSERT INTO ldap_schedules (connection_id, account_id, next_at)
    SELECT c.id, c.account_id, 0 FROM connections c
    WHERE c.kind = 'ldap' AND c.enabled = 1 AND c.settings NOT LIKE '%"bind_dn":""%'
    AND NOT EXISTS (SELECT 1 FROM ldap_schedules s WHERE s.connection_id = c.id);
