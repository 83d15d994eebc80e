/// What the proxy needs to know of the head of a backend's response.
package struct ResponseHead {
    package var status: Int
    /// From the first digit of the status to the end of the line, as in `200 OK`.
    package var statusAndReason: Range<Int>
    package var framing: BodyFraming
    /// Whether the backend will keep the connection open.
    package var keepAlive: Bool
    /// Whether there is a `Content-Length` or `Transfer-Encoding`, even if the status makes it meaningless.
    package var statesFraming: Bool
    /// The value of the `Upgrade` field, if there is exactly one and `Connection` names it.
    package var upgrade: Range<Int>?
    /// Whether that value is `websocket`.
    package var upgradesToWebSocket: Bool
    package var hasDate: Bool
    package var setsCookies: Bool
    /// Where the fields begin.
    package var fieldsStart: Int
    /// Length of the head, blank line included.
    package var length: Int

    package var isInterim: Bool { self.status < 200 && self.status != 101 }

    /// Reads a complete head, `bytes[0..<length]`, as ``HeadScanner`` found it.
    ///
    /// - Parameters:
    ///   - isAnswerToHEAD: Whether the request was a HEAD: then there is no body, whatever the fields say.
    ///   - table: Contains the head's fields afterwards.
    static func read(
        _ bytes: Span<UInt8>, length: Int, isAnswerToHEAD: Bool, into table: inout FieldTable, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> ResponseHead {
        let line = try StatusLine.read(bytes)
        try table.read(bytes, from: line.end, to: length - 2, limits: limits)

        var contentLength: Range<Int>?
        var transferEncoding: Range<Int>?
        var options: ConnectionOptions = []
        var upgrade: Range<Int>?
        var upgradeCount = 0
        var hasDate = false
        var setsCookies = false
        for index in table.fields.indices {
            let field = table.fields[index]
            switch field.kind {
            case .contentLength:
                guard contentLength == nil else { throw .repeatedField }
                contentLength = field.value
            case .transferEncoding:
                guard transferEncoding == nil else { throw .repeatedField }
                transferEncoding = field.value
            case .connection: options.formUnion(try table.applyConnection(bytes, field.value))
            case .upgrade:
                upgradeCount += 1
                upgrade = field.value
            case .date: hasDate = true
            case .setCookie: setsCookies = true
            default: break
            }
        }
        let stated = try BodyFraming.read(
            bytes, contentLength: contentLength, transferEncoding: transferEncoding, isHTTP10: line.isHTTP10)
        let framing: BodyFraming =
            if isAnswerToHEAD || line.status < 200 || line.status == 204 || line.status == 304 { .none } else { stated ?? .untilClose }

        return ResponseHead(
            status: line.status, statusAndReason: line.statusAndReason, framing: framing,
            keepAlive: !options.contains(.close) && (!line.isHTTP10 || options.contains(.keepAlive)),
            statesFraming: stated != nil, upgrade: options.contains(.upgrade) && upgradeCount == 1 ? upgrade : nil,
            upgradesToWebSocket: upgrade.map { bytes.equals($0, lowercase: "websocket") } ?? false,
            hasDate: hasDate, setsCookies: setsCookies, fieldsStart: line.end, length: length)
    }
}

/// The first line of a response (RFC 9112 §4).
struct StatusLine {
    var status: Int
    var statusAndReason: Range<Int>
    var isHTTP10: Bool
    /// The position behind the line end.
    var end: Int

    static func read(_ bytes: Span<UInt8>) throws(HTTPViolation) -> StatusLine {
        // "HTTP/1.x" SP 3DIGIT, then CR, or SP and a reason
        guard bytes.count >= 14, bytes.equals(0..<5, uppercase: "HTTP/") else { throw .malformedStatusLine }
        guard bytes.equals(5..<7, uppercase: "1."), bytes[7] &- 0x30 <= 1 else { throw .unsupportedVersion }
        guard bytes[8] == .space, bytes[9] &- 0x31 < 5, bytes[10].isDigit, bytes[11].isDigit else { throw .malformedStatusLine }
        let status = Int(bytes[9] &- 0x30) * 100 + Int(bytes[10] &- 0x30) * 10 + Int(bytes[11] &- 0x30)
        var position = 12
        if bytes[position] == .space {
            while bytes[position].isFieldValueCharacter { position &+= 1 }
        }
        guard bytes[position] == .carriageReturn, bytes[position + 1] == .lineFeed else { throw .malformedStatusLine }
        return StatusLine(
            status: status, statusAndReason: 9..<position, isHTTP10: bytes[7] == UInt8(ascii: "0"), end: position + 2)
    }
}
