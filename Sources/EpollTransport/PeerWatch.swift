#if canImport(Glibc)
import Glibc
#endif

/// When TCP takes a peer that is silent for gone.
package struct PeerWatch: Sendable {
    /// Of a connection without traffic, until the peer is asked whether it is there (TCP_KEEPIDLE).
    package var idleSeconds: Int
    /// Between two such questions (TCP_KEEPINTVL).
    package var intervalSeconds: Int
    package var questionCount: Int

    package init(idleSeconds: Int, intervalSeconds: Int, questionCount: Int) {
        self.idleSeconds = max(1, idleSeconds)
        self.intervalSeconds = max(1, intervalSeconds)
        self.questionCount = max(1, questionCount)
    }

    /// After which it is gone. While something that was sent is not acknowledged there are no questions, and without TCP_USER_TIMEOUT the
    /// kernel would repeat itself for a quarter of an hour (tcp(7), tcp_retries2). Ends a peer, too, that is there and takes nothing.
    package var limitSeconds: Int { self.idleSeconds + self.intervalSeconds * self.questionCount }

    /// Connections taken from a listening socket inherit it.
    package func apply(to socket: CInt) {
        Self.set(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
        Self.set(socket, CInt(IPPROTO_TCP), TCP_KEEPIDLE, CInt(clamping: self.idleSeconds))
        Self.set(socket, CInt(IPPROTO_TCP), TCP_KEEPINTVL, CInt(clamping: self.intervalSeconds))
        Self.set(socket, CInt(IPPROTO_TCP), TCP_KEEPCNT, CInt(clamping: self.questionCount))
        Self.set(socket, CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, CInt(clamping: self.limitSeconds * 1000))
    }

    private static func set(_ socket: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}
