/// What happened to a connection as a whole.
package enum NATSConnectionEvent: Sendable, Hashable {
    case connected
    /// The connection broke; attempts to restore it have begun and never end.
    case disconnected(reason: String?)
    case reconnected
    /// The server refused something after the connection was made, for instance a subject we may not subscribe to.
    case refused(reason: String)
    /// A subscription could not keep up; `dropped` is its total of lost messages.
    case slowConsumer(subject: String, dropped: UInt64)
    /// Closed by this process; nothing follows.
    case closed
}
