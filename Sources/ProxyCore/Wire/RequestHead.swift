/// What the proxy needs to know of a request's head. The ranges are positions in the head's bytes; nothing is copied.
package struct RequestHead {
    package var method: Range<Int>
    /// The target from its first slash (or question mark) to its end, query included; empty for `http://host`.
    package var path: Range<Int>
    /// Whether the target is `*`, as in `OPTIONS *`.
    package var isAsteriskForm = false
    /// The value of the `Host` field.
    package var host: Range<Int>
    /// The host in the `Host` field, without the port.
    package var hostName: Range<Int>
    package var isHTTP10: Bool
    package var framing: BodyFraming
    /// Whether the client wants to use the connection again.
    package var keepAlive: Bool
    /// Whether the client asks to switch to another protocol on this connection.
    package var wantsUpgrade: Bool
    package var isHEAD: Bool
    /// Whether sending the request twice has the same effect as once (RFC 9110 §9.2.2).
    package var isIdempotent: Bool
    package var authorization: Range<Int>?
    package var hasCookies: Bool
    /// The client's id for this request; nil when there is none, or one that cannot be passed on.
    package var requestID: Range<Int>?
    /// Where the fields begin.
    package var fieldsStart: Int
    /// Length of the head, blank line included.
    package var length: Int

    /// Whether this is a CORS preflight (W3C Fetch): a browser asks whether the backend accepts a request from a page of another origin. A preflight has no
    /// credentials and no body.
    package func isPreflight(_ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        bytes.equals(self.method, uppercase: "OPTIONS") && self.framing == .none && !self.wantsUpgrade && !self.isAsteriskForm
            && fields.contains { bytes.equals($0.name, lowercase: "origin") }
            && fields.contains { bytes.equals($0.name, lowercase: "access-control-request-method") }
    }

    /// Whether the method is one that changes nothing (RFC 9110 §9.2.1).
    package func isSafe(_ bytes: Span<UInt8>) -> Bool {
        bytes.equals(self.method, uppercase: "GET") || bytes.equals(self.method, uppercase: "HEAD")
            || bytes.equals(self.method, uppercase: "OPTIONS") || bytes.equals(self.method, uppercase: "TRACE")
    }

    /// Reads a complete head, `bytes[0..<length]`, as ``HeadScanner`` found it.
    ///
    /// - Parameter table: Contains the head's fields afterwards.
    static func read(
        _ bytes: Span<UInt8>, length: Int, into table: inout FieldTable, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> RequestHead {
        let line = try RequestLine.read(bytes)
        try table.read(bytes, from: line.end, to: length - 2, limits: limits)
        let fields = try RequestFields.read(bytes, table: &table)

        guard let host = fields.host else { throw .missingHost }
        let hostName = try HostField.name(bytes, host)
        if let authority = line.authority, !bytes.equalsIgnoringCase(authority, host) { throw .hostContradictsTarget }
        let framing = try BodyFraming.read(
            bytes, contentLength: fields.contentLength, transferEncoding: fields.transferEncoding, isHTTP10: line.isHTTP10)

        return RequestHead(
            method: line.method, path: line.path, isAsteriskForm: line.isAsteriskForm, host: host, hostName: hostName,
            isHTTP10: line.isHTTP10, framing: framing ?? .none,
            keepAlive: !fields.options.contains(.close) && (!line.isHTTP10 || fields.options.contains(.keepAlive)),
            wantsUpgrade: !line.isHTTP10 && fields.options.contains(.upgrade) && fields.namesUpgradeProtocol,
            isHEAD: bytes.equals(line.method, uppercase: "HEAD"), isIdempotent: line.isIdempotent(bytes),
            authorization: fields.authorization, hasCookies: fields.hasCookies, requestID: fields.requestID, fieldsStart: line.end, length: length)
    }
}

/// The first line of a request (RFC 9112 §3).
struct RequestLine {
    var method: Range<Int>
    var path: Range<Int>
    /// The host and port of a target in absolute form.
    var authority: Range<Int>?
    var isAsteriskForm: Bool
    var isHTTP10: Bool
    /// The position behind the line end.
    var end: Int

    private static let methodLimit = 32

    static func read(_ bytes: Span<UInt8>) throws(HTTPViolation) -> RequestLine {
        var position = 0
        while bytes[position].isTokenCharacter { position &+= 1 }
        guard position > 0, position <= Self.methodLimit, bytes[position] == .space else { throw .malformedRequestLine }
        let method = 0..<position

        let targetStart = position + 1
        position = targetStart
        while bytes[position].isTargetCharacter { position &+= 1 }
        guard bytes[position] == .space else { throw position == targetStart ? .malformedRequestLine : .malformedTarget }
        let target = targetStart..<position

        // "HTTP/1.x" CR LF
        let version = position + 1
        guard bytes.count >= version + 10, bytes.equals(version..<(version + 5), uppercase: "HTTP/") else {
            throw .malformedRequestLine
        }
        guard bytes.equals((version + 5)..<(version + 7), uppercase: "1."), bytes[version + 7] &- 0x30 <= 1 else {
            throw .unsupportedVersion
        }
        guard bytes[version + 8] == .carriageReturn, bytes[version + 9] == .lineFeed else { throw .malformedRequestLine }

        var line = RequestLine(
            method: method, path: target, authority: nil, isAsteriskForm: false,
            isHTTP10: bytes[version + 7] == UInt8(ascii: "0"), end: version + 10)
        try line.readTarget(bytes, target)
        return line
    }

    /// Reads a target in origin form, in absolute form, or `*` with OPTIONS. Authority form (CONNECT) is for another kind of proxy.
    private mutating func readTarget(_ bytes: Span<UInt8>, _ target: Range<Int>) throws(HTTPViolation) {
        guard let first = target.first, bytes[first] != .slash else {
            if target.isEmpty { throw .malformedTarget }
            return
        }
        if target.count == 1, bytes[first] == UInt8(ascii: "*"), bytes.equals(self.method, uppercase: "OPTIONS") {
            self.isAsteriskForm = true
            return
        }
        let authorityStart: Int
        if target.count > 7, bytes.equals(first..<(first + 7), lowercase: "http://") {
            authorityStart = first + 7
        } else if target.count > 8, bytes.equals(first..<(first + 8), lowercase: "https://") {
            authorityStart = first + 8
        } else {
            throw .malformedTarget
        }
        var end = authorityStart
        while end < target.upperBound, bytes[end] != .slash, bytes[end] != .questionMark { end += 1 }
        self.authority = authorityStart..<end
        self.path = end..<target.upperBound
    }

    /// RFC 9110 §9.2.2. Methods of other documents count as not idempotent.
    func isIdempotent(_ bytes: Span<UInt8>) -> Bool {
        bytes.equals(self.method, uppercase: "GET") || bytes.equals(self.method, uppercase: "HEAD")
            || bytes.equals(self.method, uppercase: "OPTIONS") || bytes.equals(self.method, uppercase: "PUT")
            || bytes.equals(self.method, uppercase: "DELETE") || bytes.equals(self.method, uppercase: "TRACE")
    }
}

extension Span<UInt8> {
    /// Whether these bytes are exactly `text`.
    @inlinable @inline(__always)
    package func equals(_ range: Range<Int>, uppercase text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let expected = text.utf8Start
        for offset in 0..<range.count where self[range.lowerBound &+ offset] != expected[offset] {
            return false
        }
        return true
    }
}
