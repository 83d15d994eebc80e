/// Where activity is written down: for a drone its SQLite file.
package protocol ActivitySink: Sendable {
    /// Notes that these backends had traffic at this moment, all of them or, when it throws, none.
    ///
    /// May block; called on a thread of its own, about once a second while there is activity.
    ///
    /// - Parameter seconds: Unix time.
    func recordActivity(_ names: [String], at seconds: Int64) throws
}
