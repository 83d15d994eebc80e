/// The traffic of one backend: it has something open now, or had traffic since the last report.
package struct BackendActivity: Hashable, Sendable {
    package var name: String
    /// Requests whose response has not ended.
    package var openRequests: Int
    /// Upgraded connections.
    package var openTunnels: Int
    /// Whether it has only WebSockets open in which there was nothing but pings and pongs since the last report.
    package var isQuiet: Bool

    package init(name: String, openRequests: Int = 0, openTunnels: Int = 0, isQuiet: Bool = false) {
        self.name = name
        self.openRequests = openRequests
        self.openTunnels = openTunnels
        self.isQuiet = isQuiet
    }
}

/// Where the proxy records which backends are in use; for a drone that is its SQLite file.
package protocol ActivitySink: Sendable {
    /// Records that these backends had traffic at this moment, and what they have open: all of them or, when it throws, none.
    ///
    /// A backend that has nothing open any more is reported once. This may block; it is called on a thread of its own, about once a second while there is
    /// activity.
    ///
    /// - Parameter seconds: Unix time.
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws

    /// Records that visitors want these backends, some of which are frozen: all of them or, when it throws, none. Called on the same thread, at once.
    ///
    /// - Parameter seconds: Unix time.
    func want(_ backends: [String], at seconds: Int64) throws

    /// The backends that may be frozen, and whether they are. Asked after each round of activity in which there were tunnels.
    func holds() throws -> [String: BackendFreezing]
}

extension ActivitySink {
    package func want(_ backends: [String], at seconds: Int64) throws {}
    package func holds() throws -> [String: BackendFreezing] { [:] }
}
