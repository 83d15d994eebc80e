import AsyncHTTPClient
import GatewayCore
import NIOCore
import NIOHTTP1

/// Asks another server whether a request is allowed, with the same method and head, and without the body.
final class ForwardAuth: Sendable {
    private let target: String
    private let client: HTTPClient

    /// How long the whole answer may take.
    private static let limit: TimeAmount = .seconds(5)
    /// Fields that are not copied, because they are about the body or the connection and the HTTP client writes its own, or because they are this
    /// gateway's word.
    private static let left: Set<String> = [
        "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer", "keep-alive", "x-original-path",
    ]

    init(target: String) {
        self.target = target
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = Self.limit
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func shutDown() async {
        // No requests are left, so an error has no consequences.
        try? await self.client.shutdown()
    }

    /// - Parameter path: the path of the original request, for the other server.
    func check(_ request: IncomingRequest, path: String) async throws(GatewayError) {
        var question = HTTPClientRequest(url: self.target)
        question.method = HTTPMethod(rawValue: request.method)
        for (name, value) in request.headers where !Self.left.contains(name.lowercased()) { question.headers.add(name: name, value: value) }
        if let host = request.host { question.headers.replaceOrAdd(name: "host", value: host) }
        question.headers.add(name: "x-original-path", value: path)
        let status: Int
        do {
            let answer = try await self.client.execute(question, timeout: Self.limit)
            status = Int(answer.status.code)
        } catch {
            var failure = GatewayError(status: 502, text: "Error forwarding auth.")
            // The address may hold a password, and is left out.
            failure.internalCause = "gateway.forward_auth gives no answer: \(error)"
            throw failure
        }
        guard (200..<300).contains(status) else { throw GatewayError(status: 401, text: "Unauthorized") }
    }
}
