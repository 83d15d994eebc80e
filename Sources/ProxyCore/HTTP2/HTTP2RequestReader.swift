import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Turns the decoded fields of one HTTP/2 request into what the proxy uses for requests: a ``RequestHead`` and a table of fields, whose positions are in this
/// reader's bytes. The bytes of each field form a line of HTTP/1.1, because backends get lines, and nothing is read twice.
///
/// A field of HTTP/2 may contain bytes that would be line ends, other fields or another request in HTTP/1.1, and the length of a body can be stated twice. So
/// every byte is checked by the rules for a head that comes as text (RFC 9113 §8.2.1, §8.3), and every limit is that of such a head
/// (``ProxyLimits/headBytes``, ``ProxyLimits/lineBytes``, ``ProxyLimits/fieldCount``), with cookies joined before they are measured.
///
/// ```
///   GET /path?query b-1.plane.test Host: b-1.plane.test␍␊x: y␍␊cookie: a=1; b=2␍␊␍␊
///   ╰ method, path, authority ───╯ ╰ fields ────────────────────────────────────╯
/// ```
///
/// There is one for each event loop, as scratch space. Whoever needs a head for longer copies bytes and table, and the copies share the memory.
final class HTTP2RequestReader {
    @exclusivity(unchecked) private(set) var bytes = ByteBuffer()
    @exclusivity(unchecked) private(set) var table = FieldTable()
    private(set) var priority: StreamPriority?
    /// All `cookie` fields, joined to one value (RFC 9113 §8.2.3).
    @exclusivity(unchecked) private var cookies = ByteBuffer()
    @exclusivity(unchecked) private var violation: HTTPViolation?
    @exclusivity(unchecked) private var method: Range<Int>?
    @exclusivity(unchecked) private var path: Range<Int>?
    @exclusivity(unchecked) private var authority: Range<Int>?
    private var hasScheme = false
    private var isTrailers = false
    /// Where the fields begin; nil as long as only pseudo fields have come.
    @exclusivity(unchecked) private var fieldsStart: Int?
    /// The length that the head would have as text, so far.
    private var size = 0

    private static let capacity = 1024
    private static let methodLimit = 32
    /// Bytes of the request line beside method and path: two spaces, the version, a line end.
    private static let requestLineRest = 12

    /// - Parameter isTrailers: Whether the fields are those behind a body.
    func begin(isTrailers: Bool) {
        self.bytes.clear(minimumCapacity: Self.capacity)
        self.table.removeAll()
        self.cookies.clear()
        self.violation = nil
        (self.method, self.path, self.authority) = (nil, nil, nil)
        self.hasScheme = false
        self.isTrailers = isTrailers
        self.fieldsStart = isTrailers ? 0 : nil
        self.priority = nil
        self.size = isTrailers ? 0 : Self.requestLineRest
    }

    /// Takes a field, in the order in which they come. After a violation the rest is skipped; it had to be decoded nevertheless, since it changes the meaning
    /// of later fields.
    func take(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limits: borrowing ProxyLimits) {
        if self.violation != nil { return }
        do throws(HTTPViolation) {
            guard Self.isFieldValue(value) else { throw .malformedFieldValue }
            if name.first == .colon { try self.takePseudo(name, value, limits: limits) } else { try self.takeField(name, value, limits: limits) }
        } catch {
            self.violation = error
        }
    }

    private static func isFieldValue(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = value.first, let last = value.last else { return true }
        guard !first.isBlank, !last.isBlank else { return false }
        for byte in value where !byte.isFieldValueCharacter { return false }
        return true
    }

    // MARK: Pseudo fields

    private func takePseudo(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) {
        guard self.fieldsStart == nil else { throw .malformedFieldName }
        if Self.equals(name, ":method") {
            guard self.method == nil else { throw .repeatedField }
            guard !value.isEmpty, value.count <= Self.methodLimit, value.allSatisfy(\.isTokenCharacter) else { throw .malformedRequestLine }
            try self.grow(by: value.count, limits: limits)
            self.method = self.append(value)
        } else if Self.equals(name, ":path") {
            guard self.path == nil else { throw .repeatedField }
            guard !value.isEmpty, value.allSatisfy(\.isTargetCharacter) else { throw .malformedTarget }
            guard value.count + Self.requestLineRest <= limits.lineBytes else { throw .lineTooLong }
            try self.grow(by: value.count, limits: limits)
            self.path = self.append(value)
        } else if Self.equals(name, ":authority") {
            guard self.authority == nil else { throw .repeatedField }
            // The authority becomes the field `Host`, so the limit for a line applies.
            guard value.count <= limits.lineBytes else { throw .lineTooLong }
            self.authority = self.append(value)
        } else if Self.equals(name, ":scheme") {
            guard !self.hasScheme else { throw .repeatedField }
            // HTTP/2 is only offered over TLS.
            guard Self.equals(value, "https") else { throw .malformedTarget }
            self.hasScheme = true
        } else {
            throw .malformedFieldName
        }
    }

    /// Appends the value and a space.
    private func append(_ value: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        let start = self.bytes.readableBytes
        self.bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: value.count + 1) { space in
            if let target = space.baseAddress, let from = value.baseAddress { memcpy(target, from, value.count) }
            space[value.count] = .space
            return value.count + 1
        }
        return start..<(start + value.count)
    }

    private func grow(by count: Int, limits: borrowing ProxyLimits) throws(HTTPViolation) {
        self.size += count
        guard self.size <= limits.headBytes else { throw .headTooLarge }
    }

    private static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else { return false }
        return memcmp(start, text.utf8Start, bytes.count) == 0
    }

    // MARK: Fields

    private func takeField(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) {
        guard !name.isEmpty else { throw .malformedFieldName }
        // A field name is a token in lower case.
        for byte in name where !byte.isTokenCharacter || byte &- 0x41 < 26 { throw .malformedFieldName }
        if self.fieldsStart == nil { try self.beginFields(limits: limits) }
        if !self.isTrailers {
            if Self.equals(name, "cookie") { return try self.takeCookie(value, limits: limits) }
            if Self.equals(name, "host"), let authority { return try self.compare(value, with: authority) }
        }
        guard self.table.fields.count < limits.fieldCount else { throw self.isTrailers ? .trailersTooLarge : .tooManyFields }
        let kind = try self.appendLine(name, value, limits: limits)
        if self.isTrailers {
            guard kind == .other else { throw .forbiddenTrailer }
            return
        }
        switch kind {
        // These fields are for two neighbours only, and not allowed in HTTP/2 (RFC 9113 §8.2.2).
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: throw .connectionFieldInHTTP2
        case .te: guard Self.equals(value, "trailers") else { throw .connectionFieldInHTTP2 }
        case .misleading: throw .misleadingField
        case .other: if Self.equals(name, "priority") { self.readPriority() }
        default: break
        }
    }

    private func readPriority() {
        guard let field = self.table.fields.last else { return }
        let buffer = self.bytes
        self.priority = StreamPriority(buffer.readableBytesUInt8Span, field.value)
    }

    /// The authority becomes the field `Host`, before all others.
    private func beginFields(limits: borrowing ProxyLimits) throws(HTTPViolation) {
        self.fieldsStart = self.bytes.readableBytes
        guard let authority else { return }
        let name: StaticString = "Host: "
        let length = name.utf8CodeUnitCount + authority.count + 2
        try self.admitLine(length, limits: limits)
        let start = self.bytes.readableBytes
        self.bytes.reserveCapacity(minimumWritableBytes: length)
        // Copied within the buffer; a slice would copy the whole buffer first. Nothing is read from this buffer, so its bytes begin where its memory does.
        self.bytes.withVeryUnsafeMutableBytes { memory in
            guard let base = memory.baseAddress else { return }
            memcpy(base + start, name.utf8Start, name.utf8CodeUnitCount)
            memcpy(base + start + name.utf8CodeUnitCount, base + authority.lowerBound, authority.count)
            memory[start + length - 2] = .carriageReturn
            memory[start + length - 1] = .lineFeed
        }
        self.bytes.moveWriterIndex(forwardBy: length)
        _ = self.addField(at: start, nameLength: name.utf8CodeUnitCount - 2, valueLength: authority.count)
    }

    private func compare(_ host: UnsafeBufferPointer<UInt8>, with authority: Range<Int>) throws(HTTPViolation) {
        let buffer = self.bytes
        let bytes = buffer.readableBytesUInt8Span
        guard host.count == authority.count else { throw .hostContradictsTarget }
        for offset in 0..<host.count where host[offset].lowercased != bytes[authority.lowerBound + offset].lowercased {
            throw .hostContradictsTarget
        }
    }

    private func takeCookie(_ value: UnsafeBufferPointer<UInt8>, limits: borrowing ProxyLimits) throws(HTTPViolation) {
        guard !value.isEmpty else { return }
        if self.cookies.readableBytes > 0 { self.cookies.writeStaticString("; ") }
        self.cookies.writeBytes(UnsafeRawBufferPointer(value))
        guard self.cookies.readableBytes <= limits.lineBytes else { throw .lineTooLong }
    }

    private func appendLine(_ name: StaticString, _ value: ByteBuffer, limits: borrowing ProxyLimits) throws(HTTPViolation) {
        try self.admitLine(name.utf8CodeUnitCount + value.readableBytes + 4, limits: limits)
        let start = self.bytes.readableBytes
        self.bytes.writeStaticString(name)
        self.bytes.writeStaticString(": ")
        self.bytes.writeImmutableBuffer(value)
        self.bytes.writeStaticString("\r\n")
        _ = self.addField(at: start, nameLength: name.utf8CodeUnitCount, valueLength: value.readableBytes)
    }

    private func admitLine(_ length: Int, limits: borrowing ProxyLimits) throws(HTTPViolation) {
        guard length <= limits.lineBytes else { throw self.isTrailers ? .trailersTooLarge : .lineTooLong }
        try self.grow(by: length, limits: limits)
    }

    private func addField(at start: Int, nameLength: Int, valueLength: Int) -> FieldKind {
        let name = start..<(start + nameLength)
        let value = (name.upperBound + 2)..<(name.upperBound + 2 + valueLength)
        let buffer = self.bytes
        let kind = FieldKind.classify(buffer.readableBytesUInt8Span, name)
        self.table.append(FieldTable.Field(kind: kind, name: name, value: value, end: value.upperBound + 2))
        return kind
    }

    private func appendLine(
        _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) -> FieldKind {
        let length = name.count + value.count + 4
        try self.admitLine(length, limits: limits)
        let start = self.bytes.readableBytes
        self.bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
            guard let line = space.baseAddress, let from = name.baseAddress else { return 0 }
            memcpy(line, from, name.count)
            space[name.count] = .colon
            space[name.count + 1] = .space
            if let from = value.baseAddress { memcpy(line + name.count + 2, from, value.count) }
            space[length - 2] = .carriageReturn
            space[length - 1] = .lineFeed
            return length
        }
        return self.addField(at: start, nameLength: name.count, valueLength: value.count)
    }

    // MARK: The whole

    /// The head, once all fields have come.
    ///
    /// - Parameter endsStream: No body follows.
    func head(endsStream: Bool, limits: borrowing ProxyLimits) throws(HTTPViolation) -> RequestHead {
        if self.violation == nil, self.fieldsStart == nil { try self.beginFields(limits: limits) }
        if let violation { throw violation }
        guard let method, self.hasScheme, let path, let fieldsStart else {
            throw self.method == nil ? .malformedRequestLine : .malformedTarget
        }
        if self.cookies.readableBytes > 0 { try self.appendCookies(limits: limits) }
        self.bytes.writeStaticString("\r\n")
        let buffer = self.bytes
        let bytes = buffer.readableBytesUInt8Span
        let isAsteriskForm = path.count == 1 && bytes[path.lowerBound] == UInt8(ascii: "*") && bytes.equals(method, uppercase: "OPTIONS")
        // CONNECT has no path. It also begins a WebSocket as in RFC 8441, which the proxy does not offer.
        guard bytes[path.lowerBound] == .slash || isAsteriskForm, !bytes.equals(method, uppercase: "CONNECT") else { throw .malformedTarget }
        let fields = try RequestFields.read(bytes, table: &self.table)
        guard let host = fields.host else { throw .missingHost }
        let hostName = try HostField.name(bytes, host)
        let framing = try Self.framing(bytes, contentLength: fields.contentLength, endsStream: endsStream)
        let line = RequestLine(method: method, path: path, authority: nil, isAsteriskForm: isAsteriskForm, isHTTP10: false, end: fieldsStart)
        return RequestHead(
            method: method, path: path, isAsteriskForm: isAsteriskForm, host: host, hostName: hostName, isHTTP10: false, framing: framing,
            keepAlive: true, wantsUpgrade: false, isHEAD: bytes.equals(method, uppercase: "HEAD"), isIdempotent: line.isIdempotent(bytes),
            authorization: fields.authorization, hasCookies: fields.hasCookies, requestID: fields.requestID, fieldsStart: fieldsStart,
            length: bytes.count)
    }

    private func appendCookies(limits: borrowing ProxyLimits) throws(HTTPViolation) {
        guard self.table.fields.count < limits.fieldCount else { throw .tooManyFields }
        try self.appendLine("cookie", self.cookies, limits: limits)
    }

    /// A body whose length the head does not state is sent to the backend in chunks.
    private static func framing(_ bytes: Span<UInt8>, contentLength: Range<Int>?, endsStream: Bool) throws(HTTPViolation) -> BodyFraming {
        let stated = try BodyFraming.read(bytes, contentLength: contentLength, transferEncoding: nil, isHTTP10: false)
        guard endsStream else { return stated ?? .chunked }
        guard stated == nil || stated == .length(0) else { throw .malformedContentLength }
        return stated ?? .none
    }

    /// The trailers as lines, once all have come.
    func trailers() throws(HTTPViolation) -> ByteBuffer {
        if let violation { throw violation }
        return self.bytes
    }
}
