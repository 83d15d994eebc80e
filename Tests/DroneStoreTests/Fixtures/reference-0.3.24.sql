-- A drone's database as Plane 0.3.24 leaves it: rollback journal, its three schema steps, some backends.
PRAGMA foreign_keys = OFF;
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
INSERT INTO backend (name, spec, state, exit_code) VALUES
    ('running', '{"cluster":"plane.test","drone_id":"old-drone","max_idle_secs":300,"backend_id":"running","metadata":{"user":"u-17"},"executable":{"image":"registry.example/app:1.4","env":{"LOG":"debug"},"credentials":null,"resource_limits":{"cpu_period":null,"cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},"pull_policy":"IfNotPresent","port":null},"bearer_token":"q7Zk2mYt0aRwX9bLcV4nP1sDfGhJ3e"}', 'Ready', NULL),
    ('swept', '{"cluster":"plane.test","drone_id":"old-drone","max_idle_secs":300,"backend_id":"swept","metadata":{},"executable":{"image":"registry.example/app:1.4","env":{},"credentials":null,"resource_limits":{"cpu_period":null,"cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},"pull_policy":"IfNotPresent","port":9000},"bearer_token":null}', 'Swept', NULL),
    ('from-the-future', '{"cluster":"plane.test","drone_id":"old-drone","max_idle_secs":300,"backend_id":"from-the-future","metadata":{},"executable":{"image":"a","env":{}},"bearer_token":null}', 'Hibernating', NULL),
    ('garbled', 'not json', 'Ready', NULL);
INSERT INTO route (backend, subdomain, address, last_active, bearer_token) VALUES
    ('running', 'running', '172.17.0.2:8080', 1710148531, 'q7Zk2mYt0aRwX9bLcV4nP1sDfGhJ3e'),
    ('swept', 'swept', '172.17.0.3:9000', 1710148000, NULL);
COMMIT;
