#if canImport(Glibc)
import Glibc
#endif

/// When TCP decides that a silent peer is gone.
package struct KeepAliveProbes: Sendable {
    /// Seconds without traffic until the peer is probed (TCP_KEEPIDLE).
    package var idleSeconds: Int
    /// Seconds between two probes (TCP_KEEPINTVL).
    package var intervalSeconds: Int
    package var questionCount: Int

    package init(idleSeconds: Int, intervalSeconds: Int, questionCount: Int) {
        self.idleSeconds = max(1, idleSeconds)
        self.intervalSeconds = max(1, intervalSeconds)
        self.questionCount = max(1, questionCount)
    }

    /// Seconds until the peer counts as gone. While sent data is not acknowledged there are no probes; without TCP_USER_TIMEOUT the kernel would repeat that
    /// data for a quarter of an hour (tcp(7), tcp_retries2). This limit also ends a connection to a peer that is there but takes nothing.
    package var limitSeconds: Int { self.idleSeconds + self.intervalSeconds * self.questionCount }

    /// Sets the options on a socket. On a listening socket the connections that it accepts inherit them.
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
