package import NIOCore

/// Where to listen, and the limits of one client.
package struct DNSServerOptions: Sendable {
    /// Address for UDP and TCP.
    package var address: SocketAddress
    /// How many answers over UDP are sent per second about one name to one network, for each event loop; 0 for no limit. A resolver with a cache asks for a
    /// name once in its time to live.
    package var answersPerSecond: UInt32 = 100
    /// A TCP client is disconnected when it has sent no complete question for this long (RFC 7766 §6.2.3 leaves the time to the server).
    package var idleTimeout: TimeAmount = .seconds(10)
    package var maximumConnections = 1024
    /// How many TCP connections one address (IPv6: one /64) may have.
    package var maximumConnectionsPerClient = 32

    package init(address: SocketAddress) {
        self.address = address
    }
}
