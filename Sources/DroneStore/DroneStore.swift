import Dispatch
import GRDB

/// The one SQLite file of a drone: its local truth about backends and routes, shared by agent and proxy.
///
/// ```
///   drone-agent ──writer──┐                        ┌──writer── drone-proxy (last_active, once a second)
///                         ├── drone.sqlite3 (WAL) ─┤
///   drone-agent ──reader──┘                        └──reader── drone-proxy (routes, when something moved)
/// ```
///
/// Each process opens two connections. The file is in WAL mode, so a reader never waits for a writer and a writer never for
/// a reader; two writers take turns, and the busy timeout bounds the wait. `synchronous = NORMAL`: a process killed at any
/// instruction loses nothing; a machine losing power may lose the last moments, which its containers have not survived either.
///
/// Observation inside one process (GRDB's or SQLite's hooks) does not see what the other process commits. Whoever needs to know
/// asks ``routeChanges(since:)``, which costs a look into shared memory while nothing happens.
package struct DroneStore: Sendable {
    /// How long a write may wait for another process's write, as in 0.3.24. Writes take well below a millisecond.
    static let busyTimeoutSeconds = 5.0

    let writer: DatabaseQueue
    let reader: DatabaseQueue
    let routingCache = RoutingVersionCache()

    /// How many attempts ``open(path:)`` makes, and the time between two; together as long as the busy timeout.
    private static let openAttempts = 100
    private static let openPause = Duration.milliseconds(20)

    /// Opens the file, creating and upgrading it as needed. Other processes may do the same at the same time.
    ///
    /// SQLite answers "busy" at once, without its busy timeout, when two connections switch a file to WAL together; the next attempt finds that done. Each
    /// attempt may take a few busy timeouts, and runs on a thread outside of the cooperative pool.
    package static func open(path: String) async throws(StoreError) -> DroneStore {
        for attempt in 1... {
            let result = await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(returning: Result { () throws(StoreError) in try Self.openBlocking(path: path) })
                }
            }
            switch result {
            case .success(let store): return store
            case .failure(let error):
                guard error.isRetryable, attempt < Self.openAttempts else { throw error }
                do { try await Task.sleep(for: Self.openPause) } catch { throw StoreError(.cancelled, Self.attempt(path)) }
            }
        }
        throw StoreError(.busy, Self.attempt(path))
    }

    /// One attempt to open the file, on the calling thread, which may block for a few busy timeouts.
    package static func openBlocking(path: String) throws(StoreError) -> DroneStore {
        StoreFile(path: path).prepare()
        do {
            return try DroneStore(path: path)
        } catch {
            throw StoreError(Self.attempt(path), cause: error)
        }
    }

    private static func attempt(_ path: String) -> String { "open the drone's database \(path)" }

    private init(path: String) throws {
        var configuration = Configuration()
        configuration.label = "DroneStore.writer"
        configuration.busyMode = .timeout(Self.busyTimeoutSeconds)
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = true
        // Deleted and replaced data is overwritten in the file, since it may have been a secret; SQLite may be built without that default.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA secure_delete = ON") }
        self.writer = try DatabaseQueue(path: path, configuration: configuration)
        try self.writer.writeWithoutTransaction { try SchemaInstaller.install(in: $0) }

        configuration.label = "DroneStore.reader"
        configuration.journalMode = .default
        configuration.readonly = true
        self.reader = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Closes both connections; later calls fail. Only needed before the file is moved or checked.
    package func close() throws(StoreError) {
        do {
            try self.reader.close()
            try self.writer.close()
        } catch {
            throw StoreError("close the drone's database", cause: error)
        }
    }
}

// MARK: - The two connections

extension DroneStore {
    /// Runs one immediate transaction, all or nothing. The task suspends, and waits for the lock on the connection's own thread.
    func write<Value: Sendable>(
        _ attempt: @autoclosure () -> String, _ body: @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await self.writer.write(body)
        } catch {
            throw StoreError(attempt(), cause: error)
        }
    }

    /// Reads one consistent state of the file.
    func read<Value: Sendable>(
        _ attempt: @autoclosure () -> String, _ body: @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await self.reader.read(body)
        } catch {
            throw StoreError(attempt(), cause: error)
        }
    }

    func writeNow<Value>(_ attempt: @autoclosure () -> String, _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try self.writer.write(body)
        } catch {
            throw StoreError(attempt(), cause: error)
        }
    }

    /// Reads with a single statement, which needs no transaction.
    func readNow<Value>(_ attempt: @autoclosure () -> String, _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try self.reader.unsafeRead(body)
        } catch {
            throw StoreError(attempt(), cause: error)
        }
    }
}
