package import ACME

/// Keeps the key of the ACME account in a file, so that all orders use one account.
package struct AccountKeyFile: Sendable {
    package let path: String

    package init(path: String) {
        self.path = AtomicFile.resolved(path)
    }

    /// Reads the key, or makes and stores a new one if there is no file. A file that cannot be read is never replaced, because its key may be the
    /// only access to the account.
    package func loadOrMake() throws -> AccountKey {
        if let pem = try AtomicFile.read(self.path) {
            do {
                return try AccountKey(pem: pem)
            } catch var error {
                error.attempt = "read the account key in \(self.path)"
                throw error
            }
        }
        let key = AccountKey()
        try AtomicFile.stage(key.pem, for: self.path, mode: 0o600)
        try AtomicFile.commit(self.path)
        return key
    }
}
