package import ACME
package import Foundation

/// The two files in which proxies find a cluster's certificate and its key.
///
/// Two files cannot change in one step. Both are first written beside their places and synced; then the key is renamed into its place, then the
/// certificate. A proxy that reads in between finds a key and a certificate that do not belong together, keeps the pair it had, and looks
/// again. If the process is killed in between, the certificate still lies beside its place, and `load` renames it.
///
/// A service and a `--once` may do this at the same time, so the directory is locked meanwhile.
package struct CertificateFiles: Sendable {
    package enum Content: Sendable {
        case missing
        /// The files must not be served, for this reason.
        case unusable(String)
        case usable(CertificatePair)
    }

    /// Mode of the key: only its owner can read it. In a directory with the set-group-id bit, made for a group of service users, that group can read it too.
    private static let ownKeyMode: mode_t = 0o600
    private static let sharedKeyMode: mode_t = 0o640
    private static let certificateMode: mode_t = 0o644

    package let certPath: String
    package let keyPath: String

    package init(certPath: String, keyPath: String) {
        self.certPath = AtomicFile.resolved(certPath)
        self.keyPath = AtomicFile.resolved(keyPath)
    }

    /// Reads the pair, and checks that the certificate is for all `names`, belongs to the key, and has not expired.
    package func load(names: [String], now: Date) throws(FileError) -> Content {
        if case .usable(let pair) = try self.read(names: names, now: now) { return .usable(pair) }
        // Another process may be replacing the files.
        return try AtomicFile.withLockedDirectory(of: self.certPath) { () throws(FileError) in
            let content = try self.read(names: names, now: now)
            if case .usable = content { return content }
            return try self.finish(names: names, now: now) ?? content
        }
    }

    /// Begin of validity of the certificate on the disk, whether or not it can be served; nil if none can be read.
    package var notBefore: Date? {
        get throws(FileError) { try AtomicFile.read(self.certPath).flatMap { try? CertificateChain(pem: $0).notBefore } }
    }

    private func read(names: [String], now: Date) throws(FileError) -> Content {
        guard let certificate = try AtomicFile.read(self.certPath) else { return .missing }
        guard let key = try AtomicFile.read(self.keyPath) else { return .unusable("there is no key at \(self.keyPath)") }
        do throws(ACMEError) {
            return .usable(try Self.pair(certificate, key, names: names, now: now))
        } catch {
            return .unusable("\(error)")
        }
    }

    /// Replaces both files, after checking the new pair. The old files stay until the new ones are written.
    package func install(_ pair: CertificatePair, names: [String], now: Date) throws {
        try pair.check(names: names, now: now)
        try AtomicFile.withLockedDirectory(of: self.certPath) { try self.replace(with: pair, names: names, now: now) }
    }

    private func replace(with pair: CertificatePair, names: [String], now: Date) throws {
        do {
            try AtomicFile.stage(pair.key.pem, for: self.keyPath, mode: AtomicFile.isShared(self.keyPath) ? Self.sharedKeyMode : Self.ownKeyMode)
            try AtomicFile.stage(pair.chain.pem, for: self.certPath, mode: Self.certificateMode)
            // The pair is read back and checked once more, as proxies will read it.
            _ = try Self.pair(
                try AtomicFile.read(AtomicFile.stagedPath(of: self.certPath)) ?? "",
                try AtomicFile.read(AtomicFile.stagedPath(of: self.keyPath)) ?? "", names: names, now: now)
            try AtomicFile.commit(self.keyPath)
        } catch {
            AtomicFile.discard(self.keyPath)
            AtomicFile.discard(self.certPath)
            throw error
        }
        try AtomicFile.commit(self.certPath)
    }

    /// Finishes the replacement of a process that was killed: its key is in place, its certificate lies beside its place.
    private func finish(names: [String], now: Date) throws(FileError) -> Content? {
        guard let certificate = try AtomicFile.read(AtomicFile.stagedPath(of: self.certPath)), let key = try AtomicFile.read(self.keyPath),
            let pair = try? Self.pair(certificate, key, names: names, now: now)
        else { return nil }
        try AtomicFile.commit(self.certPath)
        return .usable(pair)
    }

    private static func pair(_ certificate: String, _ key: String, names: [String], now: Date) throws(ACMEError) -> CertificatePair {
        let pair = try CertificatePair(chain: CertificateChain(pem: certificate), key: CertificateKey(pem: key))
        try pair.check(names: names, now: now)
        return pair
    }
}
