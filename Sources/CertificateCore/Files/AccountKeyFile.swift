package import ACME

/// Where the key of the ACME account is kept, so that the account stays the same from order to order.
package struct AccountKeyFile: Sendable {
    package let path: String

    package init(path: String) {
        self.path = AtomicFile.resolved(path)
    }

    /// The key that is there, or a new one that is there afterwards. One that cannot be read is never replaced: whoever has it is the
    /// account.
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
