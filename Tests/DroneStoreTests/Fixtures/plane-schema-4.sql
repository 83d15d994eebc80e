-- A drone's database as the version before lifetimes leaves it: our first four schema steps; three running backends, of which one has its
-- container's handle, one was taken over from the reference, and one is ending.
PRAGMA foreign_keys = OFF;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES
    (20220529222220, 'initial-db', '2024-03-11 09:00:00', 1, x'85988107f736f1177eebbdd97ac0108eadd426dc9f215fc81470e1f04bbd44ad2faba34b70f446d065627479786be4ee', 312004),
    (20221108213420, 'index-for-backend-status', '2024-03-11 09:00:00', 1, x'a4198c7394a9f99fd604a22931edb7b3dfab8d889054312d7780e2d9f385d3b6f3b6d880c1f791e56defaea041d2d53e', 90112),
    (20230202192019, 'bearer-tokens', '2024-03-11 09:00:00', 1, x'aa6699952ccb9d199d7ece2b9baa492873485384acc602fd32cdf5516071694ca30138c4a6dd0905603d6d200c7b0e9e', 101777);
CREATE TABLE backend (name text primary key not null, spec text not null, state text not null, exit_code integer null);
CREATE TABLE route (id integer primary key, backend text references backend(name), subdomain text unique not null,
    address text unique not null, last_active integer not null, bearer_token varchar(255) null);
CREATE INDEX state ON backend(state);
CREATE TABLE IF NOT EXISTS plane_migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT;
-- What the agent knows of a backend beyond the reference's columns. A backend taken over from the reference
-- has no row until something is known about it.
CREATE TABLE plane_backend (
    name TEXT NOT NULL PRIMARY KEY REFERENCES backend (name) ON DELETE CASCADE,
    accepted_at INTEGER,     -- Unix time in microseconds: the spawn request was answered
    ended_at INTEGER,        -- Unix time in seconds: a terminal state was stored
    log_cursor INTEGER       -- Unix time in nanoseconds: when Docker received the last log line passed on
) STRICT;

-- State reports no scheduler has acknowledged yet. AUTOINCREMENT: an id is never used twice, so order is for ever.
CREATE TABLE plane_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    backend TEXT NOT NULL,
    payload TEXT NOT NULL    -- the message as it will be sent
) STRICT;
CREATE INDEX plane_outbox_backend ON plane_outbox (backend, id);

CREATE TABLE plane_setting (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Moves whenever the answer to "where does this name go?" may have changed, whoever changed it (an agent of the
-- reference included). Activity, which is written every second, does not move it.
CREATE TABLE plane_routing (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO plane_routing (id, version) VALUES (1, 1);
CREATE TRIGGER plane_backend_inserted AFTER INSERT ON backend
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_backend_changed AFTER UPDATE OF state ON backend WHEN OLD.state IS NOT NEW.state
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_backend_deleted AFTER DELETE ON backend
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_route_inserted AFTER INSERT ON route
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_route_changed AFTER UPDATE OF subdomain, address, bearer_token ON route
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_route_deleted AFTER DELETE ON route
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TABLE plane_open_connections (
    backend TEXT NOT NULL,
    process INTEGER NOT NULL,      -- a number the process has chosen
    requests INTEGER NOT NULL,
    websockets INTEGER NOT NULL,
    seen INTEGER NOT NULL,         -- Unix time in seconds
    PRIMARY KEY (backend, process)
) STRICT, WITHOUT ROWID;
ALTER TABLE plane_backend ADD COLUMN ending TEXT;     -- JSON: how the backend is being ended; its process may still run
ALTER TABLE plane_backend ADD COLUMN container TEXT;  -- Docker's id of the container, which no rename changes
ALTER TABLE plane_backend ADD COLUMN container_name TEXT;
ALTER TABLE plane_backend ADD COLUMN container_labels TEXT;  -- JSON object of strings
CREATE TRIGGER plane_ending_inserted AFTER INSERT ON plane_backend WHEN NEW.ending IS NOT NULL
    BEGIN UPDATE plane_routing SET version = version + 1; END;
CREATE TRIGGER plane_ending_changed AFTER UPDATE OF ending ON plane_backend WHEN OLD.ending IS NOT NEW.ending
    BEGIN UPDATE plane_routing SET version = version + 1; END;
INSERT INTO plane_migrations (version, description, installed_on) VALUES
    (1, 'backend details, report outbox, drone settings, routing version', '2026-01-01 00:00:00'),
    (2, 'open connections', '2026-01-01 00:00:00'),
    (3, 'ends that have begun, container ids; no secrets of ended backends', '2026-01-01 00:00:00'),
    (4, 'container handles', '2026-01-01 00:00:00');
INSERT INTO backend (name, spec, state) VALUES ('known', '{"cluster":"plane.test","drone_id":"drone-a","max_idle_secs":300,"backend_id":"known","metadata":{},"executable":{"image":"registry.example/app:1.4","env":{},"pull_policy":"IfNotPresent"}}', 'Ready');
INSERT INTO backend (name, spec, state) VALUES ('taken-over', '{"cluster":"plane.test","drone_id":"drone-a","max_idle_secs":300,"backend_id":"taken-over","metadata":{},"executable":{"image":"registry.example/app:1.4","env":{},"pull_policy":"IfNotPresent"}}', 'Ready');
INSERT INTO backend (name, spec, state) VALUES ('ending', '{"cluster":"plane.test","drone_id":"drone-a","max_idle_secs":300,"backend_id":"ending","metadata":{},"executable":{"image":"registry.example/app:1.4","env":{},"pull_policy":"IfNotPresent"}}', 'Ready');
INSERT INTO route (backend, subdomain, address, last_active) VALUES ('known', 'known', '172.17.0.2:8080', 1710148531);
INSERT INTO route (backend, subdomain, address, last_active) VALUES ('taken-over', 'taken-over', '172.17.0.3:8080', 1710148531);
INSERT INTO plane_backend (name, accepted_at, container) VALUES
    ('known', 1710148500000000, '4f7c1f3a9d0e5b6c7a8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d');
INSERT INTO plane_backend (name, accepted_at, ending) VALUES
    ('ending', 1710148500000000, '{"ending":{"kind":"soft","reason":"external","at":"2024-03-11T09:15:00Z"},"state":"Terminated","cause":"requested"}');
COMMIT;
