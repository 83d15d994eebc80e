package import ACME
package import Foundation

/// The two files in which proxies find a cluster's certificate and its key.
///
/// They are two, so they cannot change in one step. Both are first written beside their places and synced; then the key takes its place,
/// then the certificate. Whoever reads in between finds a key and a certificate that do not belong together, keeps what it had, and
/// looks again. A process that was killed in between has left the second file beside its place, and `load` puts it there.
///
/// Two processes may do all this at once, such as a service and its `--once`: the directory is locked for it.
package struct CertificateFiles: Sendable {
    package enum Content: Sendable {
        case missing
        /// There is something that must not be served.
        case unusable(String)
        case usable(CertificatePair)
    }

    /// Of the key: nobody but its owner, the user that the services run as; where they are several users, and the directory is made for a group
    /// of theirs (setgid), that group reads it, too.
    private static let ownKeyMode: mode_t = 0o600
    private static let sharedKeyMode: mode_t = 0o640
    private static let certificateMode: mode_t = 0o644

    package let certPath: String
    package let keyPath: String

    package init(certPath: String, keyPath: String) {
        self.certPath = AtomicFile.resolved(certPath)
        self.keyPath = AtomicFile.resolved(keyPath)
    }

    /// What is there, checked: a certificate for all `names` and for the key beside it, which has not expired.
    package func load(names: [String], now: Date) throws(FileFailure) -> Content {
        if case .usable(let pair) = try self.read(names: names, now: now) { return .usable(pair) }
        // Somebody may be in the middle of replacing them.
        return try AtomicFile.withLockedDirectory(of: self.certPath) { () throws(FileFailure) in
            let content = try self.read(names: names, now: now)
            if case .usable = content { return content }
            return try self.finish(names: names, now: now) ?? content
        }
    }

    /// Since when the certificate that lies there has been valid, whether or not it can be served; nil if there is none that can be read.
    package var notBefore: Date? {
        get throws(FileFailure) { try AtomicFile.read(self.certPath).flatMap { try? CertificateChain(pem: $0).notBefore } }
    }

    private func read(names: [String], now: Date) throws(FileFailure) -> Content {
        guard let certificate = try AtomicFile.read(self.certPath) else { return .missing }
        guard let key = try AtomicFile.read(self.keyPath) else { return .unusable("there is no key at \(self.keyPath)") }
        do throws(ACMEError) {
            return .usable(try Self.pair(certificate, key, names: names, now: now))
        } catch {
            return .unusable("\(error)")
        }
    }

    /// Replaces both. What is put there is checked first; what was there stays until all is written.
    package func install(_ pair: CertificatePair, names: [String], now: Date) throws {
        try pair.check(names: names, now: now)
        try AtomicFile.withLockedDirectory(of: self.certPath) { try self.replace(with: pair, names: names, now: now) }
    }

    private func replace(with pair: CertificatePair, names: [String], now: Date) throws {
        do {
            try AtomicFile.stage(pair.key.pem, for: self.keyPath, mode: AtomicFile.isShared(self.keyPath) ? Self.sharedKeyMode : Self.ownKeyMode)
            try AtomicFile.stage(pair.chain.pem, for: self.certPath, mode: Self.certificateMode)
            // What lies there now, read back, is what will be served.
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

    /// Ends what a killed process has begun: its key is in place, its certificate lies beside it.
    private func finish(names: [String], now: Date) throws(FileFailure) -> Content? {
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
