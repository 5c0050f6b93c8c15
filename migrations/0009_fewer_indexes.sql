-- A sign-in writes a session, and a row of attempts that it takes away again; each index of theirs is a page more that
-- goes to disk. Sessions that ended are looked for account by account, and only the locked are counted.
DROP INDEX sessions_seen;
DROP INDEX signin_failures_locked;
CREATE INDEX signin_failures_locked ON signin_failures (account_id, locked_until) WHERE locked_until > 0;
