import Foundation
import Logging
import NATS
import PlaneProtocol

/// A running cluster as an application sees it: NATS for asking, the proxy for using.
actor PlaneCluster {
    struct Started: Sendable {
        var backend: BackendID
        /// Request sent → reply here.
        var scheduled: Duration
        /// Request sent → first 200 through the proxy.
        var answered: Duration
        /// Answers of the proxy that were not 200; a held request has none.
        var otherAnswers: Int
        /// What the reply promised; nil where it did not.
        var promised: Duration?
    }

    private let connection: NATSConnection
    private let cluster: ClusterName
    private let proxyPort: UInt16
    private let image: String
    private let engine: BareEngine
    private var latest: [BackendID: BackendStateMessage] = [:]
    private var waiters: [BackendID: CheckedContinuation<Void, Never>] = [:]
    private var follower: Task<Void, Never>?

    private init(connection: NATSConnection, cluster: ClusterName, proxyPort: UInt16, image: String, engine: BareEngine) {
        self.connection = connection
        self.cluster = cluster
        self.proxyPort = proxyPort
        self.image = image
        self.engine = engine
    }

    static func connect(
        nats: String, cluster: String, proxyPort: UInt16, image: String, engine: BareEngine
    ) async throws -> PlaneCluster {
        guard let name = ClusterName(rawValue: cluster) else { throw BenchError("“\(cluster)” is no cluster name") }
        let connection = try await NATSConnection.connect(NATSOptions(servers: [nats]), logger: Logger(label: "bench"))
        let result = PlaneCluster(
            connection: connection, cluster: name, proxyPort: proxyPort, image: image, engine: engine)
        try await result.follow()
        return result
    }

    func close() async {
        follower?.cancel()
        await connection.drain(timeout: .seconds(1))
    }

    /// Asks for a backend and requests `/` through the proxy as soon as the reply names it.
    nonisolated func startAndWait(terms: BackendTerms = BackendTerms()) async throws -> Started {
        let request = ScheduleRequest(
            cluster: cluster, maxIdle: 600, executable: DockerExecutableConfig(image: image), terms: terms)
        let clock = ContinuousClock()
        let begin = clock.now
        let answer = try await connection.request(
            WireCodec.encode(request), to: request.subject, timeout: .seconds(60))
        let scheduled = clock.now - begin
        guard case .scheduled(let place) = try WireCodec.decodeReply(to: ScheduleRequest.self, from: answer.payload) else {
            throw BenchError("not scheduled: \(String(decoding: answer.payload, as: UTF8.self))")
        }
        let host = "\(place.backendID.hostName(in: cluster)):\(proxyPort)"
        let others = try await onThread { [proxyPort] in
            try BareEngine.untilAnswered(.tcp(host: "127.0.0.1", port: proxyPort), host: host, giveUpAfter: .seconds(60))
        }
        return Started(
            backend: place.backendID, scheduled: scheduled, answered: clock.now - begin, otherAnswers: others,
            promised: place.readyInMilliseconds.map { .milliseconds($0) })
    }

    /// The agent's own times of a backend's phases, each as seconds since the phase before.
    func phases(of backend: BackendID) -> [(String, Double)] {
        guard let phases = latest[backend]?.detail?.phases else { return [] }
        var previous: Int64 = 0
        return [("created", phases.created), ("started", phases.started), ("ready", phases.ready)].compactMap { name, time in
            guard let time else { return nil }
            defer { previous = time }
            return (name, Double(time - previous) / 1_000_000)
        }
    }

    /// How the agent says that it started the backend.
    func kind(of backend: BackendID) -> String? { latest[backend]?.detail?.start?.rawValue }

    /// Ends backends and returns when the engine has none of them left.
    func remove(_ backends: [BackendID]) async throws {
        for backend in backends {
            let request = TerminationRequest(cluster: cluster, backendID: backend)
            _ = try await connection.request(WireCodec.encode(request), to: request.subject, timeout: .seconds(60))
        }
        for backend in backends { await ended(backend) }
        try await onThread { [engine] in
            for backend in backends {
                while try engine.exists(backend.resourceName) { Thread.sleep(forTimeInterval: 0.05) }
            }
        }
        for backend in backends { latest[backend] = nil }
    }

    private func ended(_ backend: BackendID) async {
        if latest[backend]?.state.isTerminal == true { return }
        await withCheckedContinuation { waiters[backend] = $0 }
    }

    private func follow() throws {
        let states = try connection.subscribe(BackendStateMessage.subscription)
        follower = Task { [weak self] in
            for await message in states {
                guard let update = try? WireCodec.decode(BackendStateMessage.self, from: message.payload) else { continue }
                await self?.apply(update)
            }
        }
    }

    private func apply(_ update: BackendStateMessage) {
        if latest[update.backend]?.detail?.phases == nil || update.state.isTerminal || update.detail?.phases != nil {
            latest[update.backend] = update
        }
        if update.state.isTerminal { waiters.removeValue(forKey: update.backend)?.resume() }
    }
}
