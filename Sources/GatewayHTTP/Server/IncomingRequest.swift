import GatewayCore
import HTTPTypes
import HummingbirdCore
import NIOCore
import Timing

/// A request as handlers see it.
struct IncomingRequest: Sendable {
    let method: String
    /// As it stands in the request, without the query.
    let path: String
    let query: QueryFields
    let fields: HTTPFields
    /// What the field Host says.
    let host: String?
    let body: RequestBody
    /// The address it came from.
    let peer: String

    /// Bytes of a body: what Plane takes.
    static let maximumBodyBytes = 2 << 20
    /// Time for a body to come.
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

    /// Bytes that are to come, as far as the head says.
    var statedLength: Int? { self.fields[.contentLength].flatMap { Int($0) } }
    var hasBody: Bool { self.statedLength ?? 0 > 0 || self.fields[.transferEncoding] != nil }

    /// The body of a request that has to be JSON.
    func json() async throws(GatewayFailure) -> [UInt8] {
        guard Self.isJSON(self.fields[.contentType] ?? "") else {
            throw GatewayFailure(status: 415, text: "Expected request with `Content-Type: application/json`")
        }
        return try await self.bytes(atMost: Self.maximumBodyBytes)
    }

    /// The fields of a form.
    func form() async throws(GatewayFailure) -> QueryFields { QueryFields(String(decoding: try await self.bytes(atMost: 16 << 10), as: UTF8.self)) }

    private func bytes(atMost limit: Int) async throws(GatewayFailure) -> [UInt8] {
        let tooLong = GatewayFailure(status: 413, text: "The body is longer than \(limit) bytes.")
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
        } catch let failure as GatewayFailure {
            throw failure
        } catch {
            throw GatewayFailure(status: 400, text: "The body broke off.")
        }
        guard let read else { throw GatewayFailure(status: 408, text: "The body did not come within \(Self.bodyLimit.components.seconds) s.") }
        return read
    }

    /// `application/json` or `application/<x>+json`, in any case, with any parameters.
    static func isJSON(_ type: String) -> Bool {
        let essence = type.prefix { $0 != ";" }.trimmed.lowercased()
        guard essence.hasPrefix("application/") else { return false }
        let subtype = essence.dropFirst("application/".count)
        return subtype == "json" || subtype.hasSuffix("+json") && subtype.utf8.count > "+json".utf8.count
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends (RFC 9110 §5.6.3).
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(self.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
