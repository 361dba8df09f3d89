"""The journal's tables, version by version."""

V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE boot (
    boot_id TEXT PRIMARY KEY, started_utc REAL NOT NULL,
    utc_minus_monotonic REAL                    -- known once the clock was synchronised in this boot
) STRICT, WITHOUT ROWID;
CREATE TABLE episode (
    id TEXT PRIMARY KEY, boot_id TEXT NOT NULL,
    onset_utc REAL NOT NULL, synced INTEGER NOT NULL,
    offset_s REAL, alert_s REAL, acknowledged_s REAL, acknowledged_by TEXT, arrived_s REAL, arrived_by TEXT,
    inferred INTEGER NOT NULL, crying_s REAL NOT NULL, distress REAL NOT NULL,
    outcome TEXT, need TEXT, helped TEXT NOT NULL,
    deleted_utc REAL,
    data TEXT NOT NULL                          -- the whole episode, as device/wire.py writes it
) STRICT;
CREATE INDEX episode_onset ON episode (onset_utc) WHERE deleted_utc IS NULL;
CREATE INDEX episode_outcome ON episode (outcome, onset_utc) WHERE deleted_utc IS NULL;
CREATE INDEX episode_need ON episode (need, onset_utc) WHERE need IS NOT NULL AND deleted_utc IS NULL;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, boot_id TEXT NOT NULL, at_utc REAL NOT NULL, type TEXT NOT NULL,
    episode_id TEXT REFERENCES episode (id) ON DELETE CASCADE,
    delivered REAL,                             -- NULL: waits for the broker's acknowledgement
    data TEXT NOT NULL
) STRICT;
CREATE INDEX event_episode ON event (episode_id) WHERE episode_id IS NOT NULL;
CREATE INDEX event_waiting ON event (seq) WHERE delivered IS NULL;
CREATE TABLE coverage (
    seq INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL,
    start_utc REAL NOT NULL, start_monotonic REAL NOT NULL, end_utc REAL NOT NULL, synced INTEGER NOT NULL,
    ended TEXT NOT NULL                         -- '' while it goes on, or if it was cut; changed, stopped, clock
) STRICT;
CREATE TABLE fault (
    seq INTEGER PRIMARY KEY, boot_id TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL,
    start_utc REAL NOT NULL, start_monotonic REAL NOT NULL, end_utc REAL, synced INTEGER NOT NULL
) STRICT;
CREATE INDEX fault_start ON fault (start_utc);
"""

V2 = """
CREATE TABLE change (
    id INTEGER PRIMARY KEY, at_utc REAL NOT NULL, source TEXT NOT NULL, action TEXT NOT NULL,
    episode_id TEXT NOT NULL REFERENCES episode (id) ON DELETE CASCADE,
    before TEXT NOT NULL, after TEXT NOT NULL, undone_utc REAL
) STRICT;
CREATE INDEX change_episode ON change (episode_id);
CREATE INDEX episode_deleted ON episode (deleted_utc) WHERE deleted_utc IS NOT NULL;
CREATE TABLE context (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, start_utc REAL NOT NULL, end_utc REAL, note TEXT NOT NULL, source TEXT NOT NULL
) STRICT;
CREATE INDEX context_start ON context (start_utc);
CREATE TABLE embedding (
    episode_id TEXT NOT NULL REFERENCES episode (id) ON DELETE CASCADE, model_version TEXT NOT NULL,
    vector BLOB NOT NULL,                       -- float32, little-endian
    PRIMARY KEY (episode_id, model_version)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: tuple[str, ...] = (V1, V2)
"""Entry n leads from version n to n + 1; what stands here is never changed, only added to."""
