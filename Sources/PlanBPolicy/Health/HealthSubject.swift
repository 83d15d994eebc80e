/// A backend of a host that is checked until it works.
package struct HealthSubject: Hashable, Sendable {
    package var host: [UInt8]
    package var backend: [UInt8]

    package init(host: [UInt8], backend: [UInt8]) {
        self.host = host
        self.backend = backend
    }

    /// From a message on the channel `dead`, `HOST;BACKEND;NUMBER;COUNT`; nil for any other text.
    package init?(message: [UInt8]) {
        let parts = message.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[0].isEmpty, !parts[1].isEmpty, message.count <= 4096 else { return nil }
        self.init(host: Array(parts[0]), backend: Array(parts[1]))
    }

    var marksKey: [UInt8] { Array("dead:".utf8) + self.host }
    var lockKey: [UInt8] { self.marksKey + [UInt8(ascii: ":")] + self.backend }
    var settingsKey: [UInt8] { Array("healthcheck:".utf8) + self.host }

    /// The keys where the host's list may be, in the order in which they count.
    func listKeys(usesWildcards: Bool) -> [[UInt8]] {
        let name = String(decoding: self.host, as: UTF8.self)
        // A name that is not valid UTF-8 has no patterns.
        guard usesWildcards, Array(name.utf8) == self.host else { return [Array("frontend:".utf8) + self.host] }
        return FrontendName.candidates(name).map { Array("frontend:\($0)".utf8) }
    }

    /// The URL of the check: the backend's address and the path. Nil for an entry without a valid address.
    func url(path: String) -> String? {
        guard let address = BackendAddress(self.backend) else { return nil }
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        let path = path.drop { $0 == "/" }
        return "\(address.isHTTPS ? "https" : "http")://\(host):\(address.port)/\(path)"
    }
}

/// How a working backend answers, from the hash `healthcheck:HOST`.
package struct HealthExpectation: Hashable, Sendable {
    package var path = ""
    /// The status that is expected; nil for any.
    package var status: Int?
    /// A text that the body has to contain; empty for any body.
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
