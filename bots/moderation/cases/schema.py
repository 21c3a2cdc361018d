"""The tables. ``audit`` is the truth, and the database itself refuses to change it; the others follow from it."""

MOVED_ON = "the audit log has moved on"
"""In the error when somebody else has written since the end of the chain was read."""

SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS audit (
        n     INTEGER PRIMARY KEY,
        ms    INTEGER NOT NULL,  -- milliseconds since 1970
        kind  TEXT NOT NULL,     -- case, acts, done, undo, ended, rules, review
        "case" INTEGER NOT NULL, -- the case that it is about, or 0
        body  TEXT NOT NULL,     -- JSON
        prev  TEXT NOT NULL,     -- the hash of the record before
        hash  TEXT NOT NULL      -- over all of this
    )
    """,
    """
    CREATE TRIGGER IF NOT EXISTS audit_chain BEFORE INSERT ON audit
    WHEN NEW.prev <> coalesce((SELECT hash FROM audit ORDER BY n DESC LIMIT 1), '')
      OR NEW.n <> coalesce((SELECT max(n) FROM audit), 0) + 1
    BEGIN SELECT RAISE(ABORT, 'the audit log has moved on'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only written at its end'); END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only written at its end'); END
    """,
    """
    CREATE TABLE IF NOT EXISTS cases (
        id        INTEGER PRIMARY KEY,  -- the number of its record in audit
        lane      TEXT NOT NULL,        -- live, shadow, dry
        ms        INTEGER NOT NULL,     -- when it was said
        moderator TEXT NOT NULL,        -- the bot's account
        "by"      TEXT NOT NULL,        -- the bot, or the moderator who did it by hand
        channel   TEXT NOT NULL,
        account   TEXT NOT NULL,        -- who was acted on
        rule      TEXT NOT NULL,
        version   TEXT NOT NULL,
        kind      TEXT NOT NULL,        -- words, links, flood, …
        key       TEXT NOT NULL,        -- what the rule counts by
        strikes   INTEGER NOT NULL,     -- of the account, with this case's
        state     TEXT NOT NULL         -- open, ended, undone
    )
    """,
    "CREATE INDEX IF NOT EXISTS cases_by_account ON cases (lane, account, ms)",
    "CREATE INDEX IF NOT EXISTS cases_by_rule ON cases (lane, rule, version, ms)",
    "CREATE INDEX IF NOT EXISTS cases_by_time ON cases (lane, ms)",
    'CREATE INDEX IF NOT EXISTS cases_by_hand ON cases (lane, "by", ms)',
    "CREATE INDEX IF NOT EXISTS cases_by_state ON cases (lane, kind, state)",
    """
    CREATE TABLE IF NOT EXISTS acts (
        case_id  INTEGER NOT NULL REFERENCES cases (id),
        seq      INTEGER NOT NULL,
        lane     TEXT NOT NULL,
        verb     TEXT NOT NULL,     -- strike, mute, ban, slow, kick, warn, tell, notice, alert, hold, drop
        account  TEXT NOT NULL,
        channel  TEXT NOT NULL,
        rate     INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,  -- 0: until it is lifted
        text     TEXT NOT NULL,
        counts   INTEGER NOT NULL,  -- 0 once it is undone, ended, or has failed
        outcome  TEXT NOT NULL,     -- pending, done, failed
        problem  TEXT NOT NULL,
        PRIMARY KEY (case_id, seq)
    )
    """,
    "CREATE INDEX IF NOT EXISTS acts_that_count ON acts (lane, verb, account, channel) WHERE counts = 1",
    "CREATE INDEX IF NOT EXISTS acts_pending ON acts (lane) WHERE outcome = 'pending'",
    """
    CREATE TABLE IF NOT EXISTS cells (
        lane     TEXT NOT NULL,
        kind     TEXT NOT NULL,     -- mute, ban, slow
        account  TEXT NOT NULL,
        channel  TEXT NOT NULL,
        baseline TEXT NOT NULL,     -- JSON: what was in force before the first act, or null
        dirty    INTEGER NOT NULL,  -- 1: what is in force is still to be set
        PRIMARY KEY (lane, kind, account, channel)
    )
    """,
    "CREATE INDEX IF NOT EXISTS cells_dirty ON cells (lane) WHERE dirty = 1",
    """
    CREATE TABLE IF NOT EXISTS rule_versions (
        rule       TEXT NOT NULL,
        version    TEXT NOT NULL,
        definition TEXT NOT NULL,  -- JSON: all that the rule said
        first_ms   INTEGER NOT NULL,
        PRIMARY KEY (rule, version)
    )
    """,
    "CREATE TABLE IF NOT EXISTS holds (channel TEXT PRIMARY KEY, moderator TEXT NOT NULL)",
)
"""Statements for ``open_database``; they may run at every start."""
