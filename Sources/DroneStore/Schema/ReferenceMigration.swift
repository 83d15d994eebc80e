/// One step of the schema that Plane 0.3.24 creates, with the row that makes 0.3.24 accept the result.
///
/// It keeps the applied steps in `_sqlx_migrations`, and compares the SHA-384 of its own scripts with the stored checksums. It cannot open a file without
/// these rows, or with other checksums. The statements here are ours; their effect and the checksums are those of 0.3.24
/// (dev/docs/protocol.md, The drone's database).
struct ReferenceMigration {
    /// The time stamp in the name of the script of 0.3.24, `yyyyMMddHHmmss`.
    let version: Int64
    let description: String
    /// SHA-384 of that script, in hexadecimal.
    let checksum: String
    let statements: String

    /// The table of applied steps, in the shape that the SQL library of 0.3.24 creates.
    static let bookkeeping = """
        CREATE TABLE IF NOT EXISTS _sqlx_migrations (
            version BIGINT PRIMARY KEY,
            description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
            success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL,
            execution_time BIGINT NOT NULL
        );
        """

    /// Oldest first. Plane 0.3.24 is the last of its line, so this list does not grow; our additions go to tables of our own.
    static let all: [ReferenceMigration] = [
        ReferenceMigration(
            version: 20_220_529_222_220,
            description: "initial-db",
            checksum: "85988107f736f1177eebbdd97ac0108eadd426dc9f215fc81470e1f04bbd44ad2faba34b70f446d065627479786be4ee",
            statements: """
                CREATE TABLE backend (
                    name TEXT NOT NULL PRIMARY KEY,
                    spec TEXT NOT NULL,
                    state TEXT NOT NULL,
                    exit_code INTEGER
                );
                CREATE TABLE route (
                    id INTEGER PRIMARY KEY,
                    backend TEXT REFERENCES backend (name),
                    subdomain TEXT NOT NULL UNIQUE,
                    address TEXT NOT NULL UNIQUE,
                    last_active INTEGER NOT NULL
                );
                """),
        ReferenceMigration(
            version: 20_221_108_213_420,
            description: "index-for-backend-status",
            checksum: "a4198c7394a9f99fd604a22931edb7b3dfab8d889054312d7780e2d9f385d3b6f3b6d880c1f791e56defaea041d2d53e",
            statements: "CREATE INDEX state ON backend (state);"),
        ReferenceMigration(
            version: 20_230_202_192_019,
            description: "bearer-tokens",
            checksum: "aa6699952ccb9d199d7ece2b9baa492873485384acc602fd32cdf5516071694ca30138c4a6dd0905603d6d200c7b0e9e",
            statements: "ALTER TABLE route ADD COLUMN bearer_token VARCHAR(255);"),
    ]
}
