/// Another process that holds the write lock of an SQLite file, as a backup tool or a person with a shell would.
package final class TableLock: Sendable {
    private static let script = """
        import sqlite3, sys, signal
        table = sqlite3.connect(sys.argv[1], isolation_level=None)
        table.execute("PRAGMA busy_timeout = 20000")
        table.execute("BEGIN IMMEDIATE")
        print("locked", flush=True)
        signal.pause()
        """

    private let process: TestProcess

    /// Returns when the lock is held.
    package init(_ path: String) async throws {
        self.process = try TestProcess("/usr/bin/python3", ["-c", Self.script, path])
        try await self.process.line(containing: "locked")
    }

    /// Returns when it is not held any more.
    package func release() async { await self.process.stop(.kill) }
}
