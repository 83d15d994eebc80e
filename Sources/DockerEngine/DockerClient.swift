package import Logging
import FoundationEssentials
import NIOCore

/// A client of one Docker daemon: the few calls of the Engine API that a drone needs, with types and limits, over connections that are kept alive.
///
/// Copies share their connections, which are closed when the last copy and the last stream made with it are gone. Every call ends at once when its task is
/// cancelled; it is not known what the daemon then does with a call it has received.
package struct DockerClient: Sendable {
    /// The largest reply in bytes, enough for some 20 000 containers. Larger ones are refused.
    static let replyLimit = 32 * 1024 * 1024

    let transport: EngineTransport
    let logger: Logger

    package init(endpoint: DockerEndpoint = .standard, logger: Logger = Logger(label: "docker")) {
        self.transport = EngineTransport(endpoint: endpoint)
        self.logger = logger
    }

    package var endpoint: DockerEndpoint { self.transport.endpoint }

    /// Returns when the daemon answers, with the API version agreed on. The first call of any kind does the same.
    @discardableResult
    package func ping() async throws(EngineError) -> APIVersion {
        let request = EngineRequest(path: "/_ping", subject: .daemon, attempt: "ping the daemon")
        _ = try await self.transport.collect(request, upTo: Self.replyLimit)
        return try await self.transport.negotiatedVersion()
    }

    /// The daemon's version.
    package func version() async throws(EngineError) -> EngineVersion {
        try await self.decode(
            EngineVersion.self, from: EngineRequest(path: "/version", subject: .daemon, attempt: "ask for the daemon's version"))
    }

    /// Makes a call whose reply has no contents.
    func perform(_ request: EngineRequest) async throws(EngineError) {
        _ = try await self.transport.collect(request, upTo: Self.replyLimit)
    }

    /// Makes a call and decodes its JSON reply.
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
