import DroneStore
import Foundation
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// A drone of Plane 0.3.24 whose agent was stopped, with its table and its containers as that agent leaves them; ours is started in its place.
@Suite(.needsDocker, .serialized) struct TakingOverTests {
    /// What the reference leaves: `drone.sqlite3` made by its own SQL library (dev/docs/protocol.md, The drone's database), containers with its two labels.
    private struct Left {
        let fixture: AgentFixture
        let drone = DroneID.random()
        let socket: String
        let path: String

        /// - Parameter rows: Backends with the state their row has, and whether their container runs.
        init(_ rows: [(id: BackendID, state: String, idle: Int, runs: Bool)]) async throws {
            try await TestImage.build()
            self.socket = try #require(TestImage.socket)
            let directory = try TemporaryDirectory()
            self.path = directory.file("drone.sqlite3")
            var sql = Self.schema
            for (index, row) in rows.enumerated() {
                var address = "172.16.0.\(index + 2):8080"
                if row.runs { address = "\(try await Self.runContainer(row.id, socket: self.socket)):8080" }
                let spec = """
                    {"cluster":"plane.test","drone_id":"\(self.drone)","max_idle_secs":\(row.idle),"backend_id":"\(row.id)","metadata":{},\
                    "executable":{"image":"\(TestImage.name)","env":{},"credentials":null,"resource_limits":{"cpu_period":null,\
                    "cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},\
                    "pull_policy":"Never","port":null,"volume_mounts":[]},"bearer_token":null}
                    """
                sql += "INSERT INTO backend (name, spec, state) VALUES ('\(row.id)', '\(spec)', '\(row.state)');\n"
                guard row.state == "Ready" || row.state == "Swept" else { continue }
                sql += "INSERT INTO route (backend, subdomain, address, last_active) VALUES ('\(row.id)', '\(row.id)', '\(address)', unixepoch());\n"
            }
            try sql.write(toFile: directory.file("left.sql"), atomically: true, encoding: .utf8)
            try await Self.python(
                "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())", [self.path, directory.file("left.sql")])
            self.fixture = try await AgentFixture(
                engine: try await DockerEngineAdapter.forTests(), directory: directory)
        }

        static func python(_ script: String, _ arguments: [String]) async throws {
            try await TestProcess.run("/usr/bin/python3", ["-c", script] + arguments)
        }

        /// A container as the reference makes one; returns its address.
        private static func runContainer(_ id: BackendID, socket: String) async throws -> String {
            let docker = ["docker", "-H", "unix://\(socket)"]
            let labels = ["--label", "dev.plane.managed=true", "--label", "dev.plane.backend=plane-\(id)"]
            try await TestProcess.run("/usr/bin/env", docker + ["run", "-d", "--name", "plane-\(id)", "-e", "PORT=8080"] + labels + [TestImage.name])
            let output = try await TestProcess.run(
                "/usr/bin/env", docker + ["inspect", "-f", "address={{.NetworkSettings.IPAddress}}", "plane-\(id)"])
            let line = try #require(output.first { $0.hasPrefix("address=") })
            return String(line.dropFirst("address=".count))
        }

        private static let schema = """
            CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
                installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
                execution_time BIGINT NOT NULL);
            INSERT INTO _sqlx_migrations VALUES
                (20220529222220, 'initial-db', '2024-03-11 09:00:00', 1, x'85988107f736f1177eebbdd97ac0108eadd426dc9f215fc81470e1f04bbd44ad2faba34b70f446d065627479786be4ee', 1),
                (20221108213420, 'index-for-backend-status', '2024-03-11 09:00:00', 1, x'a4198c7394a9f99fd604a22931edb7b3dfab8d889054312d7780e2d9f385d3b6f3b6d880c1f791e56defaea041d2d53e', 1),
                (20230202192019, 'bearer-tokens', '2024-03-11 09:00:00', 1, x'aa6699952ccb9d199d7ece2b9baa492873485384acc602fd32cdf5516071694ca30138c4a6dd0905603d6d200c7b0e9e', 1);
            CREATE TABLE backend (name text primary key not null, spec text not null, state text not null, exit_code integer null);
            CREATE TABLE route (id integer primary key, backend text references backend(name), subdomain text unique not null,
                address text unique not null, last_active integer not null, bearer_token varchar(255) null);
            CREATE INDEX state ON backend(state);

            """
    }

    @Test("running backends are carried on, ended ones cleared away, and one whose container is gone is reported")
    func takeOver() async throws {
        let (kept, idle, swept, gone) = (BackendID.random(), BackendID.random(), BackendID.random(), BackendID.random())
        let left = try await Left([
            (kept, "Ready", 600, true), (idle, "Ready", 3, true), (swept, "Swept", 300, true), (gone, "Ready", 300, false),
        ])
        let fixture = left.fixture
        try await fixture.withScheduler {
            try await fixture.withAgent(left.drone) {
                try await fixture.wait(for: .swept, of: idle, within: .seconds(30))
                try await fixture.wait(for: .failed, of: gone, within: .seconds(30))
                try await eventually("what had ended is cleared away", within: .seconds(60)) {
                    let containers = Set(try await fixture.engine.list().compactMap(\.container.backend))
                    return containers.contains(kept) && containers.isDisjoint(with: [idle, swept])
                }
                guard case .running = try await fixture.engine.inspect(ContainerHandle(of: kept)) else {
                    Issue.record("the running backend was not carried on")
                    return
                }
                #expect(try fixture.store.route(kept.rawValue)?.state == .ready)
                try await eventually("one backend is counted") { fixture.statuses.all.last?.runningBackends == 1 }
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: kept), timeout: .seconds(10))
                try await eventually("it is ended like any other", within: .seconds(60)) {
                    try await fixture.engine.inspect(ContainerHandle(of: kept)) == .absent
                }
            }
        }
        #expect(fixture.states(of: idle) == [.ready, .swept])
        #expect(fixture.reports.all.first { $0.backend == gone }?.detail?.cause == .vanished)
        #expect(fixture.states(of: swept).isEmpty)
        #expect(fixture.states(of: kept) == [.ready, .terminated])
    }

    @Test("the way back: after our agent, the reference finds its own schema, its rows, and every statement it makes still works")
    func wayBack() async throws {
        let (kept, ended) = (BackendID.random(), BackendID.random())
        let left = try await Left([(kept, "Ready", 600, false), (ended, "Swept", 300, false)])
        let fixture = left.fixture
        try await fixture.withScheduler {
            try await fixture.withAgent(left.drone) { try await fixture.wait(for: .failed, of: kept) }
        }
        // As 0.3.24 does: foreign keys on, compares its bookkeeping, then its queries.
        try await Left.python(
            """
            import sqlite3, sys
            table = sqlite3.connect(sys.argv[1], isolation_level=None)
            table.execute("PRAGMA foreign_keys = ON")
            steps = table.execute("SELECT version, success, length(checksum) FROM _sqlx_migrations ORDER BY version").fetchall()
            assert steps == [(20220529222220, 1, 48), (20221108213420, 1, 48), (20230202192019, 1, 48)], steps
            rows = dict(table.execute("SELECT name, state FROM backend"))
            assert rows[sys.argv[2]] == "Failed" and rows[sys.argv[3]] == "Swept", rows
            table.execute("INSERT INTO backend (name, spec, state) VALUES ('new', '{}', 'Loading')")
            table.execute("UPDATE backend SET state = 'Ready' WHERE name = 'new'")
            for address in ("10.0.0.1:1", "10.0.0.2:1"):
                table.execute("INSERT OR REPLACE INTO route (backend, subdomain, address, last_active) VALUES ('new', 'new', ?, unixepoch())", (address,))
            table.execute("UPDATE route SET last_active = unixepoch() WHERE subdomain = 'new'")
            found = table.execute("SELECT address, bearer_token FROM route JOIN backend ON backend = name WHERE subdomain = 'new' AND state = 'Ready'").fetchall()
            assert found == [("10.0.0.2:1", None)], found
            assert table.execute("SELECT count(*) FROM backend WHERE state IN ('Loading', 'Starting', 'Ready')").fetchone() == (1,)
            """, [left.path, kept.rawValue, ended.rawValue])
    }
}
