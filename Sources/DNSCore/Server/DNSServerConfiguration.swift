package import NIOCore

/// How to listen, and how much of it one client may have.
package struct DNSServerConfiguration: Sendable {
    /// UDP and TCP.
    package var address: SocketAddress
    /// About one thing to one network over UDP, for each event loop; 0 for no limit. A resolver that keeps what it was told asks for
    /// one name once in the time it may keep it.
    package var answersPerSecond: UInt32 = 100
    /// A client that sends no whole question for so long is disconnected (RFC 7766 §6.2.3 leaves it to us).
    package var idleTimeout: TimeAmount = .seconds(10)
    package var maximumConnections = 1024
    /// From one address (IPv6: one /64).
    package var maximumConnectionsPerClient = 32

    package init(address: SocketAddress) {
        self.address = address
    }
}
