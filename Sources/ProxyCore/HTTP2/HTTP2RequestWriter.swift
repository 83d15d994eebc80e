import NIOCore
import NIOHPACK

/// Writes the HTTP/1.1 head of a request that came by HTTP/2.
///
/// A field of HTTP/2 may hold bytes that would be line ends, other fields or another request in HTTP/1.1, and can say two things
/// about the length of its body. So every byte is checked here by the same rules as in a head that came as text (RFC 9113 §8.2.1,
/// §8.3), and what is written is read again by ``RequestHead`` like any other.
struct HTTP2RequestWriter {
    /// What became of a field section.
    struct Head {
        var bytes: ByteBuffer
        var isHEAD: Bool
        /// Of a body that may follow.
        var body: HTTP2RequestBody
    }

    private var method = ""
    private var scheme = ""
    private var path = ""
    private var authority: String?
    private var host: String?
    private var contentLength: String?
    private var cookies = ""
    private var fields = ByteBuffer()

    /// - Parameter endsStream: No body follows.
    static func head(_ headers: HPACKHeaders, endsStream: Bool) throws(HTTPViolation) -> Head {
        var writer = HTTP2RequestWriter()
        for (name, value, _) in headers { try writer.take(name, value) }
        return try writer.head(endsStream: endsStream)
    }

    /// The end of a body in chunks, with the trailers behind it. What may not be one is found by who reads it again (``BodyReader``).
    static func end(_ trailers: HPACKHeaders) throws(HTTPViolation) -> ByteBuffer {
        var out = ByteBuffer(staticString: "0\r\n")
        for (name, value, _) in trailers {
            guard Self.isFieldName(name) else { throw .malformedFieldName }
            guard Self.isFieldValue(value) else { throw .malformedFieldValue }
            out.writeString(name)
            out.writeStaticString(": ")
            out.writeString(value)
            out.writeStaticString("\r\n")
        }
        out.writeStaticString("\r\n")
        return out
    }

    private mutating func take(_ name: String, _ value: String) throws(HTTPViolation) {
        guard Self.isFieldValue(value) else { throw .malformedFieldValue }
        if name.utf8.first == .colon { return try self.takePseudo(name, value) }
        guard Self.isFieldName(name) else { throw .malformedFieldName }
        switch name {
        // Between two neighbours only; HTTP/2 has none of these (RFC 9113 §8.2.2).
        case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": throw .connectionFieldInHTTP2
        case "te": guard value == "trailers" else { throw .connectionFieldInHTTP2 }
        case "host": try Self.once(&self.host, value)
        case "content-length": try Self.once(&self.contentLength, value)
        case "cookie": self.cookies += self.cookies.isEmpty ? value : "; " + value
        default:
            self.fields.writeString(name)
            self.fields.writeStaticString(": ")
            self.fields.writeString(value)
            self.fields.writeStaticString("\r\n")
        }
    }

    private mutating func takePseudo(_ name: String, _ value: String) throws(HTTPViolation) {
        switch name {
        case ":method": try Self.once(&self.method, value)
        case ":scheme": try Self.once(&self.scheme, value)
        case ":path": try Self.once(&self.path, value)
        case ":authority": try Self.once(&self.authority, value)
        default: throw .malformedFieldName
        }
    }

    private func head(endsStream: Bool) throws(HTTPViolation) -> Head {
        guard !self.method.isEmpty, self.method.utf8.allSatisfy(\.isTokenCharacter) else { throw .malformedRequestLine }
        guard self.scheme == "https" else { throw .malformedTarget }
        // CONNECT, which has no path, and also the way to a WebSocket of RFC 8441, which we do not offer.
        guard self.method != "CONNECT", let first = self.path.utf8.first, self.path.utf8.allSatisfy(\.isTargetCharacter),
            first == .slash || (self.path == "*" && self.method == "OPTIONS")
        else { throw .malformedTarget }
        guard let host = self.authority ?? self.host else { throw .missingHost }
        if let other = self.host, other.lowercased() != host.lowercased() { throw .hostContradictsTarget }
        var length: UInt64?
        if let contentLength {
            guard contentLength.utf8.allSatisfy(\.isDigit), let value = UInt64(contentLength), !endsStream || value == 0 else {
                throw .malformedContentLength
            }
            length = value
        }

        var out = ByteBuffer()
        out.reserveCapacity(self.fields.readableBytes + 256)
        out.writeString("\(self.method) \(self.path) HTTP/1.1\r\nHost: \(host)\r\n")
        out.writeImmutableBuffer(self.fields)
        if !self.cookies.isEmpty { out.writeString("Cookie: \(self.cookies)\r\n") }
        if let contentLength {
            out.writeString("Content-Length: \(contentLength)\r\n")
        } else if !endsStream {
            out.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        out.writeStaticString("\r\n")
        return Head(bytes: out, isHEAD: self.method == "HEAD", body: HTTP2RequestBody(length: length))
    }

    private static func once(_ slot: inout String?, _ value: String) throws(HTTPViolation) {
        guard slot == nil else { throw .repeatedField }
        slot = value
    }

    private static func once(_ slot: inout String, _ value: String) throws(HTTPViolation) {
        guard slot.isEmpty else { throw .repeatedField }
        slot = value
    }

    /// A token in lower case.
    private static func isFieldName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0.isTokenCharacter && $0.lowercased == $0 }
    }

    private static func isFieldValue(_ value: String) -> Bool {
        guard let first = value.utf8.first, let last = value.utf8.last else { return true }
        return !first.isBlank && !last.isBlank && value.utf8.allSatisfy(\.isFieldValueCharacter)
    }
}
