import GatewayCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Timing

/// A request as handlers see it.
struct IncomingRequest: Sendable {
    let method: String
    /// The path as in the request, without the query.
    let path: String
    let query: QueryFields
    let fields: HTTPFields
    /// The field Host.
    let host: String?
    let body: RequestBody
    /// The IP address of the client.
    let peer: String

    /// The largest body in bytes, as in Plane.
    static let maximumBodyBytes = 2 << 20
    /// How long a body may take to arrive.
    private static let bodyLimit: Duration = .seconds(30)

    init(_ request: Request, peer: String) {
        self.method = request.method.rawValue
        let target = request.head.path ?? ""
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.path = String(target[..<(mark ?? target.endIndex)])
        self.query = QueryFields(mark.map { target[target.index(after: $0)...] } ?? "")
        self.fields = request.headers
        self.host = request.head.authority
        self.body = request.body
        self.peer = peer
    }

    func field(_ name: String) -> String? { HTTPField.Name(name).flatMap { self.fields[$0] } }

    /// The length of the body in bytes, if the head states it.
    var statedLength: Int? { self.fields[.contentLength].flatMap { Int($0) } }
    var hasBody: Bool { self.statedLength ?? 0 > 0 || self.fields[.transferEncoding] != nil }

    /// Reads the body of a request that has to be JSON.
    func json() async throws(GatewayError) -> [UInt8] {
        guard Self.isJSON(self.fields[.contentType] ?? "") else {
            throw GatewayError(status: 415, text: "Expected request with `Content-Type: application/json`")
        }
        return try await self.bytes(atMost: Self.maximumBodyBytes)
    }

    /// Reads the fields of a form.
    func form() async throws(GatewayError) -> QueryFields { QueryFields(String(decoding: try await self.bytes(atMost: 16 << 10), as: UTF8.self)) }

    private func bytes(atMost limit: Int) async throws(GatewayError) -> [UInt8] {
        let tooLong = GatewayError(status: 413, text: "The body is longer than \(limit) bytes.")
        if let length = self.statedLength, length > limit { throw tooLong }
        let body = self.body
        let read: [UInt8]?
        do {
            read = try await withTimeLimit(Self.bodyLimit) { () async throws -> [UInt8] in
                var bytes: [UInt8] = []
                for try await piece in body {
                    bytes += piece.readableBytesView
                    if bytes.count > limit { throw tooLong }
                }
                return bytes
            }
        } catch let failure as GatewayError {
            throw failure
        } catch {
            throw GatewayError(status: 400, text: "The body broke off.")
        }
        guard let read else { throw GatewayError(status: 408, text: "The body did not come within \(Self.bodyLimit.components.seconds) s.") }
        return read
    }

    /// Whether a content type is `application/json` or `application/<x>+json`, in upper or lower case, with any parameters.
    static func isJSON(_ type: String) -> Bool {
        if type == "application/json" { return true }
        let essence = type.prefix { $0 != ";" }.trimmed.lowercased()
        guard essence.hasPrefix("application/") else { return false }
        let subtype = essence.dropFirst("application/".count)
        return subtype == "json" || subtype.hasSuffix("+json") && subtype.utf8.count > "+json".utf8.count
    }
}

extension StringProtocol {
    /// The text without spaces and tabs at both ends (RFC 9110 §5.6.3).
    var trimmed: String {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        // No byte of a longer character's UTF-8 is a space or a tab.
        let rest = Substring(self).utf8.drop(while: isSpace)
        guard let last = rest.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(Substring(rest[...last]))
    }
}
