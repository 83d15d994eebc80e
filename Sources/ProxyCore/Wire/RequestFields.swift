/// The fields of a request that matter to a proxy, each at most once.
struct RequestFields {
    var host: Range<Int>?
    var contentLength: Range<Int>?
    var transferEncoding: Range<Int>?
    var authorization: Range<Int>?
    var hasCookies = false
    /// The client's id for this request, if there is exactly one and logs can contain it.
    var requestID: Range<Int>?
    private var expectation: Range<Int>?
    var options: ConnectionOptions = []
    /// Whether there is an `Upgrade` field without the protocol `h2c`: requests of HTTP/2 in a tunnel would pass unchecked.
    var namesUpgradeProtocol = false

    static func read(_ bytes: Span<UInt8>, table: inout FieldTable) throws(HTTPViolation) -> RequestFields {
        var result = RequestFields()
        var offersHTTP2 = false
        var requestIDCount = 0
        for index in table.fields.indices {
            let field = table.fields[index]
            switch field.kind {
            case .host: try Self.once(&result.host, field.value)
            case .contentLength: try Self.once(&result.contentLength, field.value)
            case .transferEncoding: try Self.once(&result.transferEncoding, field.value)
            case .authorization: try Self.once(&result.authorization, field.value)
            case .expect:
                try Self.once(&result.expectation, field.value)
                guard bytes.equals(field.value, lowercase: "100-continue") else { throw .unknownExpectation }
            case .cookie: result.hasCookies = true
            case .requestID:
                requestIDCount += 1
                result.requestID = RequestID.isAcceptable(bytes, field.value) ? field.value : nil
            case .connection: result.options.formUnion(try table.applyConnection(bytes, field.value))
            case .upgrade:
                result.namesUpgradeProtocol = true
                bytes.forEachListElement(in: field.value) { element in
                    if bytes.equals(element, lowercase: "h2c") { offersHTTP2 = true }
                }
            case .other, .setCookie, .keepAlive, .proxyConnection, .te, .proxyAuthentication, .nominated, .date, .trailer,
                .forwardedFor, .forwardedProto, .forwardedHost, .otherForwarded, .misleading:
                break
            }
        }
        if offersHTTP2 { result.namesUpgradeProtocol = false }
        if requestIDCount > 1 { result.requestID = nil }
        return result
    }

    private static func once(_ slot: inout Range<Int>?, _ value: Range<Int>) throws(HTTPViolation) {
        guard slot == nil else { throw .repeatedField }
        slot = value
    }
}

/// The `Host` field: `host [":" port]` (RFC 9110 §7.2).
enum HostField {
    /// The host without the port. A registered name, an IPv4 address, or an IPv6 address in brackets; the port must consist of digits.
    static func name(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTPViolation) -> Range<Int> {
        var position = value.lowerBound
        if position < value.upperBound, bytes[position] == UInt8(ascii: "[") {
            position += 1
            while position < value.upperBound, Self.isInsideBrackets(bytes[position]) { position += 1 }
            guard position < value.upperBound, bytes[position] == UInt8(ascii: "]") else { throw .malformedHost }
            position += 1
        } else {
            while position < value.upperBound, Self.isNameCharacter(bytes[position]) { position &+= 1 }
        }
        let name = value.lowerBound..<position
        guard !name.isEmpty else { throw .malformedHost }
        if position < value.upperBound {
            guard bytes[position] == .colon else { throw .malformedHost }
            for index in (position + 1)..<value.upperBound where !bytes[index].isDigit { throw .malformedHost }
        }
        return name
    }

    /// Letters, digits, "-", "." and "_". No host behind the proxy has other characters, and none needs percent-encoding.
    @inline(__always)
    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        byte.isDigit || (byte | 0x20) &- 0x61 < 26 || byte == 0x2D || byte == 0x2E || byte == 0x5F
    }

    private static func isInsideBrackets(_ byte: UInt8) -> Bool {
        byte.hexValue != nil || byte == .colon || byte == 0x2E
    }
}
