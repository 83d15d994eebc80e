import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Sends calls to the daemon: keeps connections alive, negotiates the API version, limits time and size, and turns every failure into an ``EngineError``. Can
/// be used from any task.
final class EngineTransport: Sendable {
    /// How many bytes of an error's body are read.
    private static let errorBodyLimit = 64 * 1024

    let endpoint: DockerEndpoint
    private let urlPrefix: String
    private let http: HTTPClient
    /// Nil until the first call, and after the daemon has said that it does not support the version any more.
    private let version = Mutex<APIVersion?>(nil)

    init(endpoint: DockerEndpoint) {
        self.endpoint = endpoint
        self.urlPrefix = endpoint.urlPrefix
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        // Every followed log and every wait has a connection; beyond this number calls would wait for them.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 8192
        // A daemon that is down is reported at once; the caller decides whether to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        self.http = HTTPClient(configuration: configuration)
    }

    deinit {
        // Errors are ignored, since nobody uses the client any more.
        self.http.shutdown { _ in }
    }

    /// Makes the call and reads its whole answer. The status is below 300, or 304 (the state was so already).
    func collect(_ request: EngineRequest, upTo bodyLimit: Int) async throws(EngineError) -> ByteBuffer {
        try await self.perform(request) { response in try await response.body.collect(upTo: bodyLimit) }
    }

    /// Makes the call and returns when the daemon has begun to answer, which is all that the time limit covers. Dropping the response before its end closes
    /// the connection.
    func open(_ request: EngineRequest) async throws(EngineError) -> HTTPClientResponse {
        try await self.perform(request) { $0 }
    }

    /// The API version used with this daemon, negotiated once.
    func negotiatedVersion() async throws(EngineError) -> APIVersion {
        if let known = self.version.withLock({ $0 }) { return known }
        let request = EngineRequest(path: "/_ping", subject: .daemon, attempt: "negotiate the API version")
        let response = try await self.exchange(request, version: nil) { $0 }
        let text = response.headers.first(name: "Api-Version") ?? ""
        guard let offered = APIVersion(text) else {
            throw EngineError(
                .versionUnsupported, attempt: request.attempt, message: "no version in its answer, but '\(text)'",
                hint: "is \(self.endpoint) a Docker daemon?")
        }
        guard let agreed = APIVersion.negotiated(with: offered) else {
            throw EngineError(
                .versionUnsupported, attempt: request.attempt, message: "it offers \(offered) at most, we need \(APIVersion.oldest)",
                hint: "upgrade Docker")
        }
        self.version.withLock { $0 = agreed }
        return agreed
    }

    /// Makes the call with the negotiated version; a second time if the daemon was replaced by one that no longer supports it.
    private func perform<Result: Sendable>(
        _ request: EngineRequest, _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws(EngineError) -> Result {
        let version = try await self.negotiatedVersion()
        do {
            return try await self.exchange(request, version: version, read)
        } catch where error.code == .versionUnsupported {
            self.version.withLock { $0 = nil }
            let other = try await self.negotiatedVersion()
            guard other != version else { throw error }
            return try await self.exchange(request, version: other, read)
        }
    }

    private func exchange<Result: Sendable>(
        _ request: EngineRequest, version: APIVersion?, _ read: @escaping @Sendable (HTTPClientResponse) async throws -> Result
    ) async throws(EngineError) -> Result {
        let message = self.message(for: request, version: version)
        do {
            return try await withCallLimit(request.limit) {
                let response = try await self.http.execute(message, deadline: .distantFuture)
                guard (200..<300).contains(response.status.code) || response.status == .notModified else {
                    // If the error's text is too long or breaks off, only the status is used.
                    let body = try? await response.body.collect(upTo: Self.errorBodyLimit)
                    throw EngineError(status: response.status.code, body: body ?? ByteBuffer(), to: request)
                }
                return try await read(response)
            }
        } catch {
            throw EngineError(transport: error, attempt: request.attempt, endpoint: self.endpoint)
        }
    }

    private func message(for request: EngineRequest, version: APIVersion?) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: self.urlPrefix + (version.map { "/v\($0)" } ?? "") + request.target)
        message.method = request.method
        if let host = self.endpoint.hostHeader { message.headers.add(name: "Host", value: host) }
        for header in request.headers { message.headers.add(name: header.name, value: header.value) }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: request.contentType)
            message.body = .bytes(body)
        } else if let stream = request.stream {
            message.headers.add(name: "Content-Type", value: request.contentType)
            message.body = stream
        }
        return message
    }
}
