/// What one backend's visitors do: it had traffic since the last look, or has some now.
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

/// Where activity is written down: for a drone its SQLite file.
package protocol ActivitySink: Sendable {
    /// Notes that these backends had traffic at this moment, and what they have open, all of them or, when it throws, none.
    ///
    /// A backend with nothing open any more is told once. May block; called on a thread of its own, about once a second while there
    /// is activity.
    ///
    /// - Parameter seconds: Unix time.
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws
}
