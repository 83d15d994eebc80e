import GRDB

/// Brings a file to the current schema, whether it is new, or was made by 0.3.24 or by an earlier version of this program.
///
/// Agent and proxy may start at the same time, in either order, on a file that does not exist yet. So everything happens in one immediate transaction: the
/// second process waits for the first one's commit, and then finds nothing to do.
enum SchemaInstaller {
    /// - Parameter own: our steps; only tests of future steps give others.
    static func install(in db: Database, own: [OwnMigration] = OwnMigration.all) throws {
        try db.inTransaction(.immediate) {
            try self.installReference(in: db)
            try self.installOwn(own, in: db)
            return .commit
        }
    }

    private static func installReference(in db: Database) throws {
        try db.execute(sql: ReferenceMigration.bookkeeping)
        let applied = try Row.fetchAll(db, sql: "SELECT version, success FROM _sqlx_migrations ORDER BY version")
        let known = Set(ReferenceMigration.all.map(\.version))
        for row in applied {
            let version: Int64 = row["version"]
            guard known.contains(version) else {
                throw StoreError(
                    .foreignSchema, "open the drone's database",
                    hint: "it holds schema step \(version), which Plane 0.3.24 does not have; was it made by a later version?")
            }
            guard row["success"] as Bool else {
                throw StoreError(
                    .foreignSchema, "open the drone's database",
                    hint: "schema step \(version) was begun and not finished; restore the file or move it away")
            }
        }
        let done = Set(applied.map { $0["version"] as Int64 })
        for migration in ReferenceMigration.all where !done.contains(migration.version) {
            try db.execute(sql: migration.statements)
            try db.execute(
                sql: """
                    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                    VALUES (?, ?, TRUE, x'\(migration.checksum)', 0)
                    """,
                arguments: [migration.version, migration.description])
        }
    }

    private static func installOwn(_ steps: [OwnMigration], in db: Database) throws {
        try db.execute(sql: OwnMigration.bookkeeping)
        let done = try Set(Int64.fetchAll(db, sql: "SELECT version FROM plane_migrations"))
        for migration in steps where !done.contains(migration.version) {
            try db.execute(sql: migration.statements)
            try db.execute(
                sql: "INSERT INTO plane_migrations (version, description) VALUES (?, ?)",
                arguments: [migration.version, migration.description])
        }
    }
}
