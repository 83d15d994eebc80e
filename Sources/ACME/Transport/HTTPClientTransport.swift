import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import Timing

/// Sends requests by HTTPS. It can be used until the body of `withHTTPClientTransport` returns.
package struct HTTPClientTransport: ACMETransport {
    package struct Options: Sendable {
        /// Name and version of this program (RFC 8555 §6.1).
        package var userAgent: String
        /// PEM file with the authorities that may sign the server's own TLS certificate, instead of the system's.
        package var trustedRootsPath: String?
        package var connectTimeout: Duration = .seconds(10)
        /// For one request and its whole answer: authorities take seconds to sign, never a minute.
        package var requestTimeout: Duration = .seconds(60)
        /// The largest body in bytes; a chain has about 6 KiB, a directory 1 KiB.
        package var bodyLimitBytes = 256 * 1024

        package init(userAgent: String, trustedRootsPath: String? = nil) {
            self.userAgent = userAgent
            self.trustedRootsPath = trustedRootsPath
        }
    }

    private let client: HTTPClient
    private let options: Options

    fileprivate init(client: HTTPClient, options: Options) {
        self.client = client
        self.options = options
    }

    package func send(_ request: ACMERequest) async throws(ACMEError) -> ACMEResponse {
        let attempt = "reach \(request.url)"
        do {
            let response = try await withTimeLimit(self.options.requestTimeout) { try await self.exchange(request) }
            guard let response else { throw HTTPClientError.deadlineExceeded }
            return response
        } catch {
            throw self.sorted(error, attempt)
        }
    }

    private func exchange(_ request: ACMERequest) async throws -> ACMEResponse {
        var outgoing = HTTPClientRequest(url: request.url)
        outgoing.headers.add(name: "user-agent", value: self.options.userAgent)
        switch request.method {
        case .get: outgoing.method = .GET
        case .head: outgoing.method = .HEAD
        case .post(let jws):
            outgoing.method = .POST
            outgoing.headers.add(name: "content-type", value: "application/jose+json")
            outgoing.body = .bytes(ByteBuffer(string: jws.json))
        }
        let response = try await self.client.execute(outgoing, timeout: TimeAmount(self.options.requestTimeout))
        let body = try await response.body.collect(upTo: self.options.bodyLimitBytes)
        return ACMEResponse(
            status: Int(response.status.code), nonce: response.headers.first(name: "replay-nonce"),
            location: response.headers.first(name: "location"), retryAfter: response.headers.first(name: "retry-after"),
            body: Array(body.readableBytesView))
    }

    private func sorted(_ error: any Error, _ attempt: String) -> ACMEError {
        switch error {
        case let error as ACMEError:
            error
        case is NIOTooManyBytesError:
            ACMEError(.answerTooLarge, attempt, hint: "more than \(self.options.bodyLimitBytes) bytes; is it an ACME server?")
        case is CancellationError:
            ACMEError(.cancelled, attempt)
        case let error as HTTPClientError where Self.urlMistakes.contains(error.shortDescription):
            ACMEError(.invalidInput, attempt, hint: "expected an http or https URL")
        case NIOSSLError.handshakeFailed(.sslError(let errors)) where errors.contains { "\($0)".contains("CERTIFICATE_VERIFY_FAILED") }:
            ACMEError(.untrustedServer, attempt, hint: "for an authority of one's own, name the file of its root certificate")
        case is NIOSSLExtraError:
            ACMEError(.untrustedServer, attempt, hint: "its certificate is for another name", cause: error)
        default:
            Task.isCancelled ? ACMEError(.cancelled, attempt) : ACMEError(.unreachable, attempt, cause: error)
        }
    }

    private static let urlMistakes: Set<String> = Set(
        [HTTPClientError.invalidURL, .emptyHost, .emptyScheme, .missingSocketPath, .unsupportedScheme("")].map(\.shortDescription))
}

/// Runs `body` with a transport whose connections are closed when the body returns or throws.
package func withHTTPClientTransport<Result: Sendable>(
    _ options: HTTPClientTransport.Options, _ body: @Sendable (HTTPClientTransport) async throws(ACMEError) -> Result
) async throws(ACMEError) -> Result {
    var configuration = HTTPClient.Configuration()
    // Signed requests contain their URL, so a request that follows a redirect would always fail.
    configuration.redirectConfiguration = .disallow
    configuration.httpVersion = .http1Only
    configuration.timeout = .init(connect: TimeAmount(options.connectTimeout), read: TimeAmount(options.requestTimeout))
    // A failure is reported at once; the caller decides when to try again.
    configuration.connectionPool.retryConnectionEstablishment = false
    if let path = options.trustedRootsPath {
        configuration.tlsConfiguration = .makeClientConfiguration()
        do {
            configuration.tlsConfiguration?.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
        } catch {
            throw ACMEError(.unreadableRoots, "read the trusted roots in \(path)", hint: "expected a PEM file of certificates", cause: error)
        }
    }
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    let outcome: Swift.Result<Result, ACMEError>
    do {
        outcome = .success(try await body(HTTPClientTransport(client: client, options: options)))
    } catch {
        outcome = .failure(error)
    }
    // An error has no consequences.
    try? await client.shutdown()
    return try outcome.get()
}
