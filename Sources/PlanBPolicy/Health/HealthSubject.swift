/// A backend of a host that is to be looked at until it is well.
package struct HealthSubject: Hashable, Sendable {
    package var host: [UInt8]
    package var backend: [UInt8]

    package init(host: [UInt8], backend: [UInt8]) {
        self.host = host
        self.backend = backend
    }

    /// Of a message on the channel `dead`, `HOST;BACKEND;NUMBER;COUNT`; nil for anything else.
    package init?(message: [UInt8]) {
        let parts = message.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[0].isEmpty, !parts[1].isEmpty, message.count <= 4096 else { return nil }
        self.init(host: Array(parts[0]), backend: Array(parts[1]))
    }

    var marksKey: [UInt8] { Array("dead:".utf8) + self.host }
    var lockKey: [UInt8] { self.marksKey + [UInt8(ascii: ":")] + self.backend }
    var settingsKey: [UInt8] { Array("healthcheck:".utf8) + self.host }

    /// Where the host's list may be, the one that counts most first.
    func listKeys(usesWildcards: Bool) -> [[UInt8]] {
        let name = String(decoding: self.host, as: UTF8.self)
        // A name that is no text has no patterns.
        guard usesWildcards, Array(name.utf8) == self.host else { return [Array("frontend:".utf8) + self.host] }
        return FrontendName.candidates(name).map { Array("frontend:\($0)".utf8) }
    }

    /// What is asked of it: `GET BACKEND/path`. Nil for an entry that names no backend.
    func url(path: String) -> String? {
        guard let address = BackendAddress(self.backend) else { return nil }
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        let path = path.drop { $0 == "/" }
        return "\(address.isHTTPS ? "https" : "http")://\(host):\(address.port)/\(path)"
    }
}

/// What the hash `healthcheck:HOST` says a well backend answers.
package struct HealthExpectation: Hashable, Sendable {
    package var path = ""
    /// Nil for any.
    package var status: Int?
    /// Contained in the body; empty for anything.
    package var body: [UInt8] = []

    package init(path: String = "", status: Int? = nil, body: [UInt8] = []) {
        self.path = path
        self.status = status
        self.body = body
    }

    package func isMet(status: Int, body: [UInt8]) -> Bool {
        if let expected = self.status, expected != status { return false }
        return self.body.isEmpty || body.firstRange(of: self.body) != nil
    }
}
