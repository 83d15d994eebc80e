import GatewayCore
import NIOCore
import NIOHTTP1

/// A request as handlers see it.
struct IncomingRequest: Sendable {
    let method: String
    /// The path as in the request, without the query.
    let path: String
    let query: QueryFields
    let headers: HTTPHeaders
    /// Nil where there is none.
    let body: RequestBody?
    /// The IP address of the client.
    let peer: String

    /// - Parameter bodyIsAwaited: called when somebody waits for a body that is not here yet.
    init(_ head: HTTPRequestHead, peer: String, bodyIsAwaited: @escaping @Sendable () -> Void) {
        self.method = head.method.rawValue
        let target = Self.originForm(head.uri)
        let mark = target.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.path = String(target[..<(mark ?? target.endIndex)])
        self.query = QueryFields(mark.map { target[target.index(after: $0)...] } ?? "")
        self.headers = head.headers
        self.peer = peer
        let hasBody = Self.length(head.headers) ?? 0 > 0 || head.headers.contains(name: "transfer-encoding")
        self.body = hasBody ? RequestBody(onAwaited: bodyIsAwaited) : nil
    }

    /// A target with scheme and host, as some clients write it for proxies, without them (RFC 9112 §3.2.2).
    private static func originForm(_ target: String) -> Substring {
        guard target.utf8.first != UInt8(ascii: "/") else { return target[...] }
        let start = target.prefix(8).lowercased()
        let schemeLength = start.hasPrefix("http://") ? 7 : start == "https://" ? 8 : 0
        guard schemeLength > 0 else { return target[...] }
        let rest = target.dropFirst(schemeLength)
        guard let pathStart = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return rest[pathStart] == "/" ? rest[pathStart...] : Substring("/\(rest[pathStart...])")
    }

    /// The value of a field, or the values of all of its lines as one (RFC 9110 §5.3, and RFC 6265 §5.4 for cookies).
    func field(_ name: String) -> String? {
        let values = self.headers[name]
        return values.count < 2 ? values.first : values.joined(separator: name == "cookie" ? "; " : ", ")
    }

    var host: String? { self.headers.first(name: "host") }

    private static func length(_ headers: HTTPHeaders) -> Int? { headers.first(name: "content-length").flatMap { Int($0.trimmed) } }

    /// The length of the body in bytes, if the head states it.
    private var statedLength: Int? { Self.length(self.headers) }

    /// Whether the client sends the body only when it is told to (RFC 9110 §10.1.1), and is to be told.
    var awaitsContinue: Bool {
        self.body != nil && self.headers.first(name: "expect")?.lowercased() == "100-continue" && self.statedLength ?? 0 <= HTTPLimits.bodyBytes
    }

    /// Reads the body of a request that has to be JSON.
    func json() async throws(GatewayError) -> [UInt8] {
        guard Self.isJSON(self.field("content-type") ?? "") else {
            throw GatewayError(status: 415, text: "Expected request with `Content-Type: application/json`")
        }
        return try await self.bytes(atMost: HTTPLimits.bodyBytes)
    }

    /// Reads the fields of a form.
    func form() async throws(GatewayError) -> QueryFields { QueryFields(String(decoding: try await self.bytes(atMost: 16 << 10), as: UTF8.self)) }

    private func bytes(atMost limit: Int) async throws(GatewayError) -> [UInt8] {
        let tooLong = GatewayError(status: 413, text: "The body is longer than \(limit) bytes.")
        if let length = self.statedLength, length > limit { throw tooLong }
        guard let body = self.body else { return [] }
        do throws(RequestBody.Failure) {
            return try await body.read(atMost: limit)
        } catch {
            switch error {
            case .tooLong: throw tooLong
            case .tooSlow:
                throw GatewayError(status: 408, text: "The body did not come within \(HTTPDeadlines.usualBody.nanoseconds / 1_000_000_000) s.")
            case .brokenOff: throw GatewayError(status: 400, text: "The body broke off.")
            }
        }
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
