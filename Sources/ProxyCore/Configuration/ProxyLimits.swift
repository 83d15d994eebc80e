package import NIOCore

/// Every bound the proxy puts on what others may make it hold or wait for. The defaults suit the open internet. Those that an operator may set
/// are in the table `proxy.limits`; see `ProxyLimits+ConfigReader`.
package struct ProxyLimits: Hashable, Sendable {
    /// Bytes of a message's start line and fields together, blank line included. Browsers stay below 8 KiB unless cookies pile up.
    package var headBytes = 32 * 1024
    /// Bytes of one line of a head or of trailers, line end included.
    package var lineBytes = 16 * 1024
    /// Fields in one head, and fields in one trailer section.
    package var fieldCount = 128
    /// Interim (1xx) responses before the final one; a backend that sends more is faulty, and the request fails.
    package var interimResponseCount = 16

    /// Connections of clients open at once; 0 is no limit, or as many as `fit(openFiles:)` finds affordable. New ones wait in the kernel's queue then.
    package var connections = 0
    /// Connections of one client: one IPv4 address or one IPv6 /64; 0 is no limit. Above it new ones are closed at once.
    package var connectionsPerAddress = 4096

    /// From a request's first byte, or from accepting the connection, to the end of its head.
    package var requestHead: TimeAmount = .seconds(15)
    /// Between two requests on a kept connection.
    package var keepAlive: TimeAmount = .seconds(75)
    /// Between two requests on a kept connection while ``connections`` is reached and new connections wait.
    package var keepAliveWhenFull: TimeAmount = .seconds(1)
    /// Without one byte of a request body from the client.
    package var requestBodyIdle: TimeAmount = .seconds(60)
    /// From asking the kernel for a connection to a backend until it can carry a request; the TLS handshake, if there is one, is included.
    package var connect: TimeAmount = .seconds(5)
    /// From asking the policy to look a name up to its answer; nil is as long as ``connect``.
    package var lookup: TimeAmount?
    /// From the end of a request's head to the end of its body; nil is no limit but ``requestBodyIdle``.
    package var request: TimeAmount?
    /// From the end of a request's head to the last byte of its response, which is cut off then; nil is no limit.
    package var exchange: TimeAmount?
    /// From the end of a request to the head of its response; long polls must fit.
    package var response: TimeAmount = .seconds(300)
    /// Without one byte of a response body from the backend; event streams may be silent for long.
    package var responseBodyIdle: TimeAmount = .hours(1)
    /// How long a client or a backend may take nothing of the bytes that wait to be sent to it before the proxy gives up.
    package var writeIdle: TimeAmount = .seconds(120)
    /// Without a byte through a tunnel in either direction; nil sets no limit, since keep-alive probes of TCP find out when a peer is gone.
    package var tunnelIdle: TimeAmount?
    /// Without one byte through a tunnel that one side has closed for sending.
    package var halfClosedTunnelIdle: TimeAmount = .seconds(120)
    /// How long a request waits for a backend that is still starting.
    package var hold: TimeAmount = .seconds(30)
    /// How long the proxy still reads from a connection after its last answer before it cuts the connection, so that the client can read that answer.
    package var linger: TimeAmount = .seconds(2)
    /// How long a client of HTTP/2 without a stream may take to acknowledge that its connection ends (GOAWAY, and PING behind it).
    package var goAway: TimeAmount = .seconds(15)

    /// An idle connection to a backend is not used again after this.
    package var upstreamKeepAlive: TimeAmount = .seconds(60)
    /// A request that must not be sent twice only goes out on a connection idle for less than this, since the backend may be
    /// closing an older one at the same moment.
    package var upstreamKeepAliveUnrepeatable: TimeAmount = .seconds(1)
    /// Idle connections that one event loop keeps to one backend; more are kept for ``upstreamBurst`` only, and none at all with 0.
    package var idleUpstreamsPerBackend = 32
    /// The connections beyond ``idleUpstreamsPerBackend`` are closed when no request has used them for this long.
    package var upstreamBurst: TimeAmount = .seconds(2)
    /// Idle connections that one event loop keeps to all backends together.
    package var idleUpstreams = 512

    /// The proxy stops reading from one peer when this many bytes (the upper bound) wait to be written to the other, and reads again below the lower bound.
    package var writeBufferBytes: Range<Int> = (16 * 1024)..<(32 * 1024)
    /// Streams that one client of HTTP/2 may have open at once on a connection. RFC 9113 §6.5.2 recommends at least 100.
    package var streams = 100
    /// The size in bytes to which the receive windows of a connection of HTTP/2 may grow. A client can upload one window per round trip.
    package var uploadWindowBytes = 4 * 1024 * 1024
    /// What all connections of HTTP/2 together may hold, in bytes, beyond the first 64 KiB of each: as larger windows, and as uploads that backends have not
    /// taken.
    package var uploadWindowsBytes = 256 * 1024 * 1024

    /// A connection on which nothing arrives is probed by TCP after this time, and closed when ``keepAliveProbeCount`` probes, ``keepAliveProbeInterval``
    /// apart, go unanswered. One that has data on its way is closed when none of it is acknowledged for as long as both together.
    package var keepAliveProbe: TimeAmount = .seconds(60)
    /// The time between two probes. All probes together take less than a minute, since the kernel's timers are late by some seconds each time.
    package var keepAliveProbeInterval: TimeAmount = .seconds(12)
    package var keepAliveProbeCount = 4

    /// The kernel's receive buffer of a connection to a backend, in bytes. When such a connection breaks while its client is slow, this much is taken into
    /// memory at once.
    package var upstreamReceiveBufferBytes = 256 * 1024

    package init() {}

    package var lookupLimit: TimeAmount { self.lookup ?? self.connect }

    /// Descriptors kept for other things than visitors: files, listening sockets, event loops, idle connections to backends.
    private static let reservedDescriptors = 1024

    /// Sets ``connections`` to as many as the process can afford, where no number is set.
    ///
    /// - Parameter openFiles: How many descriptors the process may have. A visitor needs one, and mostly one more to a backend.
    package mutating func fit(openFiles: Int) {
        guard self.connections == 0 else { return }
        self.connections = max(16, (openFiles - min(Self.reservedDescriptors, openFiles / 2)) / 2)
    }
}
