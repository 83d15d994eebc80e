/// The traffic of one backend: it has something open now, or had traffic since the last report.
package struct BackendActivity: Hashable, Sendable {
    package var name: String
    /// Requests whose response has not ended.
    package var openRequests: Int
    /// Upgraded connections.
    package var openTunnels: Int

    package init(name: String, openRequests: Int = 0, openTunnels: Int = 0) {
        self.name = name
        self.openRequests = openRequests
        self.openTunnels = openTunnels
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
}
