package import Logging
import FoundationEssentials
import NIOCore

/// A client of one Docker daemon: the few Engine API calls a drone needs, typed, bounded and with connections kept alive.
///
/// Copies share their connections. Connections are closed when the last copy and the last stream made with it are gone.
/// Every call honours cancellation at once; what the daemon does with a call it has received by then is not known.
package struct DockerClient: Sendable {
    /// Largest reply held in memory, in bytes; a list of some 20 000 containers. Larger ones are refused.
    static let replyLimit = 32 * 1024 * 1024

    let transport: EngineTransport
    let logger: Logger

    package init(endpoint: DockerEndpoint = .standard, logger: Logger = Logger(label: "docker")) {
        self.transport = EngineTransport(endpoint: endpoint)
        self.logger = logger
    }

    package var endpoint: DockerEndpoint { self.transport.endpoint }

    /// Returns when the daemon answers, and the API version agreed with it. The first call of any kind does the same.
    @discardableResult
    package func ping() async throws(EngineError) -> APIVersion {
        let request = EngineRequest(path: "/_ping", subject: .daemon, attempt: "ping the daemon")
        _ = try await self.transport.collect(request, upTo: Self.replyLimit)
        return try await self.transport.negotiatedVersion()
    }

    /// Who the daemon says it is.
    package func version() async throws(EngineError) -> EngineVersion {
        try await self.decode(
            EngineVersion.self, from: EngineRequest(path: "/version", subject: .daemon, attempt: "ask for the daemon's version"))
    }

    /// Makes a call whose reply carries nothing.
    func perform(_ request: EngineRequest) async throws(EngineError) {
        _ = try await self.transport.collect(request, upTo: Self.replyLimit)
    }

    /// Makes a call and reads its JSON reply.
    func decode<Reply: Decodable>(
        _ type: Reply.Type, from request: EngineRequest, upTo limit: Int = Self.replyLimit
    ) async throws(EngineError) -> Reply {
        let body = try await self.transport.collect(request, upTo: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
        } catch {
            throw EngineError(.unreadableReply, attempt: request.attempt, cause: error)
        }
    }
}
