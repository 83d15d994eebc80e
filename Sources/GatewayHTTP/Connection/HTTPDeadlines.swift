import EpollTransport
import NIOCore

/// How long a connection waits for its client.
struct HTTPDeadlines: Sendable {
    /// A connection is closed if a request's head is not complete, or no request has begun, so long after it was opened or its last answer was written; and if the
    /// body that nobody wanted is not complete by then.
    var idle: TimeAmount = .seconds(50)
    /// How fast a client has to take an answer, in bytes a second, from when it is written until the wait above begins.
    var bytesPerSecond = 64 << 10
    /// How long a body may take to arrive, from when it is asked for.
    var body: TimeAmount = Self.usualBody
    /// How long the client has to close a connection, from when it has taken its last answer.
    var closing: TimeAmount = .seconds(2)
    /// When TCP decides that a client is gone that says nothing: as at the proxies, after 108 s.
    var peerWatch = KeepAliveProbes(idleSeconds: 60, intervalSeconds: 12, questionCount: 4)

    static let usualBody: TimeAmount = .seconds(30)

    /// The wait for a client that may have to take so many bytes of an answer first.
    func idle(behind bytes: Int) -> TimeAmount { self.idle + .seconds(Int64(bytes / self.bytesPerSecond)) }
}
