/// Three nats-servers that form one cluster on loopback, each with a store of its own.
package struct NATSCluster: Sendable {
    /// Those that were started, in order; a stopped one can be started again.
    package private(set) var servers: [NATSServer]
    private let routePorts: [UInt16]

    /// - Parameter count: how many of the three to start; the others may follow with `startNext`.
    package static func start(_ count: Int = 3) async throws -> NATSCluster {
        var cluster = NATSCluster(servers: [], routePorts: try (0..<3).map { _ in try freeLoopbackPort() })
        for _ in 0..<count { try await cluster.startNext() }
        return cluster
    }

    package mutating func startNext() async throws {
        let routes = self.routePorts.map { "nats://127.0.0.1:\($0)" }.joined(separator: ", ")
        let configuration = """
            cluster { name: test, listen: "127.0.0.1:\(self.routePorts[self.servers.count])", routes: [\(routes)] }
            """
        self.servers.append(try await NATSServer.start(configuration: configuration))
    }

    package var urls: [String] { self.servers.map(\.url) }

    package func stop() async {
        for server in self.servers { await server.stop(.kill) }
    }
}

/// Runs `body` with a cluster which is stopped when the body returns or throws.
package func withNATSCluster<Result>(_ body: (NATSCluster) async throws -> Result) async throws -> Result {
    let cluster = try await NATSCluster.start()
    do {
        let result = try await body(cluster)
        await cluster.stop()
        return result
    } catch {
        await cluster.stop()
        throw error
    }
}
