/// One step of the schema that is ours, in addition to the tables of 0.3.24.
///
/// Rules: only tables and triggers of our own, and never a column in `backend` or `route`, so that 0.3.24 can open the file at any time; and only additions,
/// so that an older version of this program can be installed again.
struct OwnMigration {
    let version: Int64
    let description: String
    let statements: String

    static let bookkeeping = """
        CREATE TABLE IF NOT EXISTS plane_migrations (
            version INTEGER NOT NULL PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
        ) STRICT;
        """

    /// Oldest first. New steps are appended; existing ones are never changed.
    static let all: [OwnMigration] = [
        OwnMigration(
            version: 1,
            description: "backend details, report outbox, drone settings, routing version",
            statements: """
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
                """),
        OwnMigration(
            version: 2,
            description: "open connections",
            statements: """
                -- What each process of the proxy has open to each backend; said again every second, so an old row is that of a
                -- process that was killed.
                CREATE TABLE plane_open_connections (
                    backend TEXT NOT NULL,
                    process INTEGER NOT NULL,      -- a number the process has chosen
                    requests INTEGER NOT NULL,
                    websockets INTEGER NOT NULL,
                    seen INTEGER NOT NULL,         -- Unix time in seconds
                    PRIMARY KEY (backend, process)
                ) STRICT, WITHOUT ROWID;
                """),
        OwnMigration(
            version: 3,
            description: "ends that have begun, container ids; no secrets of ended backends",
            statements: """
                ALTER TABLE plane_backend ADD COLUMN ending TEXT;     -- JSON: how the backend is being ended; its process may still run
                ALTER TABLE plane_backend ADD COLUMN container TEXT;  -- Docker's id of the container, which no rename changes

                CREATE TRIGGER plane_ending_inserted AFTER INSERT ON plane_backend WHEN NEW.ending IS NOT NULL
                    BEGIN UPDATE plane_routing SET version = version + 1; END;
                CREATE TRIGGER plane_ending_changed AFTER UPDATE OF ending ON plane_backend WHEN OLD.ending IS NOT NEW.ending
                    BEGIN UPDATE plane_routing SET version = version + 1; END;

                UPDATE backend SET spec = \(DroneStore.specWithoutSecrets) WHERE state IN (\(DroneStore.endedStates));
                DELETE FROM route WHERE backend IN (SELECT name FROM backend WHERE state IN (\(DroneStore.endedStates)));
                """),
        OwnMigration(
            version: 4,
            description: "container handles",
            statements: """
                -- Beside the container's id: what it was called and labelled when it was made.
                ALTER TABLE plane_backend ADD COLUMN container_name TEXT;
                ALTER TABLE plane_backend ADD COLUMN container_labels TEXT;  -- JSON object of strings
                """),
        OwnMigration(
            version: 5,
            description: "ends of lifetimes",
            statements: """
                -- Unix time in seconds at which the backend is ended, whoever is connected; without a limit there is none.
                ALTER TABLE plane_backend ADD COLUMN lifetime_end INTEGER;
                """),
        OwnMigration(
            version: 6,
            description: "frozen backends",
            statements: """
                -- Backends that are frozen while there is no traffic.
                CREATE TABLE plane_hold (
                    backend TEXT NOT NULL PRIMARY KEY REFERENCES backend (name) ON DELETE CASCADE,
                    is_frozen INTEGER NOT NULL DEFAULT 0,  -- 1: its container is frozen, or is about to be
                    is_wanted INTEGER NOT NULL DEFAULT 0,  -- 1: a visitor wants it while it is frozen
                    last_traffic INTEGER NOT NULL          -- Unix time in seconds; the proxy's keep-alives are none, other than in route.last_active
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX plane_hold_wanted ON plane_hold (backend) WHERE is_wanted = 1;

                -- 1: only WebSockets with no traffic but pings and pongs. Proxies that do not know this column write 0.
                ALTER TABLE plane_open_connections ADD COLUMN is_quiet INTEGER NOT NULL DEFAULT 0;

                CREATE TRIGGER plane_hold_inserted AFTER INSERT ON plane_hold
                    BEGIN UPDATE plane_routing SET version = version + 1; END;
                CREATE TRIGGER plane_hold_changed AFTER UPDATE OF is_frozen ON plane_hold WHEN OLD.is_frozen IS NOT NEW.is_frozen
                    BEGIN UPDATE plane_routing SET version = version + 1; END;
                CREATE TRIGGER plane_hold_deleted AFTER DELETE ON plane_hold
                    BEGIN UPDATE plane_routing SET version = version + 1; END;
                """),
        OwnMigration(
            version: 7,
            description: "names of changed routes",
            statements: """
                -- The names whose routes may have changed, in the order of the changes; the last ones only. AUTOINCREMENT: an id is never used twice.
                -- Proxies of earlier versions ask plane_routing, and read all routes again.
                CREATE TABLE plane_route_change (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    name TEXT NOT NULL
                ) STRICT;
                CREATE TRIGGER plane_route_change_kept AFTER INSERT ON plane_route_change
                    BEGIN DELETE FROM plane_route_change WHERE id <= NEW.id - \(DroneStore.routeChangeLimit); END;

                CREATE TRIGGER plane_backend_inserted_name AFTER INSERT ON backend
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.name); END;
                CREATE TRIGGER plane_backend_changed_name AFTER UPDATE OF state ON backend WHEN OLD.state IS NOT NEW.state
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.name); END;
                CREATE TRIGGER plane_backend_deleted_name AFTER DELETE ON backend
                    BEGIN INSERT INTO plane_route_change (name) VALUES (OLD.name); END;
                -- The row of another backend with the same address is replaced, for which no trigger runs.
                CREATE TRIGGER plane_route_replaced_name BEFORE INSERT ON route
                    BEGIN INSERT INTO plane_route_change (name) SELECT subdomain FROM route WHERE address = NEW.address AND subdomain IS NOT NEW.subdomain; END;
                CREATE TRIGGER plane_route_inserted_name AFTER INSERT ON route
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.subdomain); END;
                CREATE TRIGGER plane_route_changed_name AFTER UPDATE OF subdomain, address, bearer_token ON route
                    BEGIN INSERT INTO plane_route_change (name) VALUES (OLD.subdomain), (NEW.subdomain); END;
                CREATE TRIGGER plane_route_deleted_name AFTER DELETE ON route
                    BEGIN INSERT INTO plane_route_change (name) VALUES (OLD.subdomain); END;
                CREATE TRIGGER plane_ending_inserted_name AFTER INSERT ON plane_backend WHEN NEW.ending IS NOT NULL
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.name); END;
                CREATE TRIGGER plane_ending_changed_name AFTER UPDATE OF ending ON plane_backend WHEN OLD.ending IS NOT NEW.ending
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.name); END;
                CREATE TRIGGER plane_hold_inserted_name AFTER INSERT ON plane_hold
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.backend); END;
                CREATE TRIGGER plane_hold_changed_name AFTER UPDATE OF is_frozen ON plane_hold WHEN OLD.is_frozen IS NOT NEW.is_frozen
                    BEGIN INSERT INTO plane_route_change (name) VALUES (NEW.backend); END;
                CREATE TRIGGER plane_hold_deleted_name AFTER DELETE ON plane_hold
                    BEGIN INSERT INTO plane_route_change (name) VALUES (OLD.backend); END;
                """),
    ]
}
