import NIOCore
import PlaneService
import ProxyCore

extension ProxyLimits {
    /// Descriptors that are for other things than visitors: files, listening sockets, event loops, idle connections to backends.
    private static let reservedDescriptors = 1024

    /// - Parameter openFiles: How many descriptors the process may have. A visitor needs one, and mostly one more to a backend.
    init(_ configuration: ProxyLimitsConfiguration, openFiles: Int) {
        self.init()
        let affordable = max(16, (openFiles - min(Self.reservedDescriptors, openFiles / 2)) / 2)
        self.connections = configuration.maxConnections == 0 ? affordable : Int(configuration.maxConnections)
        self.connectionsPerAddress = Int(configuration.maxConnectionsPerAddress)
        self.headBytes = Int(configuration.headBytes)
        self.lineBytes = Int(configuration.headLineBytes)
        self.fieldCount = Int(configuration.headFields)
        self.requestHead = TimeAmount(configuration.headTimeout)
        self.keepAlive = TimeAmount(configuration.keepAliveTimeout)
        self.requestBodyIdle = TimeAmount(configuration.bodyIdleTimeout)
        self.connect = TimeAmount(configuration.connectTimeout)
        self.response = TimeAmount(configuration.responseTimeout)
        self.responseBodyIdle = TimeAmount(configuration.responseIdleTimeout)
        self.writeIdle = TimeAmount(configuration.writeTimeout)
        self.tunnelIdle = configuration.webSocketIdleTimeout == .zero ? nil : TimeAmount(configuration.webSocketIdleTimeout)
        self.keepAliveProbe = TimeAmount(configuration.tcpKeepAlive)
        self.idleUpstreamsPerBackend = Int(configuration.upstreamIdleConnections)
        self.upstreamKeepAlive = TimeAmount(configuration.upstreamIdleTimeout)
    }
}
