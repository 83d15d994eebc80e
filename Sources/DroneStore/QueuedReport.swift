/// A state report that no scheduler has acknowledged yet.
package struct QueuedReport: Sendable, Identifiable {
    /// Ascending in the order the states were stored.
    package let id: Int64
    /// As stored; rows are never refused for their name.
    package let backend: String
    /// The message's JSON, unchanged since the state was stored, so that a retry carries the time of the first attempt.
    package let payload: [UInt8]
}
