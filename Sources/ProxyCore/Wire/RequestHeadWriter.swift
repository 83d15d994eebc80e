import NIOCore

/// Writes the head a backend sees, out of the head a client sent: one pass over the field table, whole stretches of lines at a time.
struct RequestHeadWriter {
    /// What we say about the client in forwarding fields.
    struct Forwarding {
        /// The client's address without its port.
        var clientAddress: [UInt8]
        /// `X-Forwarded-For: a\r\nX-Forwarded-Proto: p\r\nX-Forwarded-Host: `, ready to be followed by the host.
        var fields: [UInt8]
        var scheme: StaticString

        init(clientAddress: String, scheme: StaticString) {
            self.clientAddress = Array(clientAddress.utf8)
            self.fields = Array("X-Forwarded-For: \(clientAddress)\r\nX-Forwarded-Proto: \(scheme)\r\nX-Forwarded-Host: ".utf8)
            self.scheme = scheme
        }
    }

    var path: Range<Int>
    /// The `Authorization` field was our token; the backend does not need it.
    var hidesAuthorization: Bool
    /// Our cookie is taken out of the `Cookie` fields.
    var hidesCookie: Bool
    /// What the client says in forwarding fields is believed and added to, because only proxies can reach us.
    var trustsForwarding: Bool

    /// Bytes by which the result may be longer than what came, client address aside.
    private static let growth = 208

    /// - Parameter newID: What we call the request, where the client's own name for it cannot be passed on.
    func write(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, forwarding: borrowing Forwarding, newID: RequestID?,
        allocator: ByteBufferAllocator
    ) -> ByteBuffer {
        let capacity = head.length + Self.growth + forwarding.fields.count + head.host.count
        var out = allocator.buffer(capacity: capacity)
        out.write(bytes, head.method.lowerBound..<(head.method.upperBound + 1))
        if !head.isAsteriskForm, self.path.isEmpty || bytes[self.path.lowerBound] != .slash { out.writeInteger(UInt8.slash) }
        out.write(bytes, self.path)
        out.writeStaticString(" HTTP/1.1\r\n")

        self.writeFields(head, fields, bytes, into: &out)
        if case .chunked = head.framing { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        if head.wantsUpgrade { out.writeStaticString("Connection: Upgrade\r\n") }
        if let newID {
            out.writeStaticString(RequestID.fieldName)
            newID.write(into: &out)
            out.writeStaticString("\r\n")
        }
        if self.trustsForwarding {
            self.writeTrustedForwarding(head, fields, bytes, forwarding: forwarding, into: &out)
        } else {
            out.writeBytes(forwarding.fields)
            out.write(bytes, head.host)
            out.writeStaticString("\r\n\r\n")
        }
        return out
    }

    /// Field lines that stay as they are lie next to each other for the most part, and are copied as one stretch.
    private func writeFields(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, into out: inout ByteBuffer
    ) {
        var stretch = head.fieldsStart
        for field in fields {
            switch self.treatment(of: field, head, bytes) {
            case .keep:
                continue
            case .drop:
                out.write(bytes, stretch..<field.name.lowerBound)
            case .rewriteCookie:
                out.write(bytes, stretch..<field.name.lowerBound)
                Self.writeCookies(bytes, field, into: &out)
            case .rewriteBlanks:
                out.write(bytes, stretch..<field.name.lowerBound)
                out.writeField(bytes, field)
            }
            stretch = field.end
        }
        out.write(bytes, stretch..<(head.length - 2))
    }

    private enum Treatment { case keep, drop, rewriteCookie, rewriteBlanks }

    private func treatment(of field: FieldTable.Field, _ head: RequestHead, _ bytes: Span<UInt8>) -> Treatment {
        switch field.kind {
        case .other, .setCookie, .date, .trailer: .keep
        case .contentLength, .host: field.hasTabs(bytes) ? .rewriteBlanks : .keep
        // An HTTP/1.0 client cannot wait for an interim response (RFC 9110 §10.1.1).
        case .expect: head.isHTTP10 ? .drop : field.hasTabs(bytes) ? .rewriteBlanks : .keep
        case .connection, .keepAlive, .proxyConnection, .te, .proxyAuthentication, .nominated, .transferEncoding, .misleading,
            .forwardedFor, .forwardedProto, .forwardedHost:
            .drop
        case .otherForwarded: self.trustsForwarding ? .keep : .drop
        case .upgrade: !head.wantsUpgrade ? .drop : field.hasTabs(bytes) ? .rewriteBlanks : .keep
        case .requestID: head.requestID == nil ? .drop : .keep
        case .authorization: self.hidesAuthorization ? .drop : .keep
        case .cookie: self.hidesCookie && CookieField.containsOurs(bytes, in: field.value) ? .rewriteCookie : .keep
        }
    }

    /// The field without our cookie, or nothing when no other is left.
    private static func writeCookies(_ bytes: Span<UInt8>, _ field: FieldTable.Field, into out: inout ByteBuffer) {
        var isFirst = true
        CookieField.forEachPair(bytes, in: field.value) { pair, ourValue in
            if ourValue != nil { return }
            out.writeStaticString(isFirst ? "Cookie: " : "; ")
            out.write(bytes, pair)
            isFirst = false
        }
        if !isFirst { out.writeStaticString("\r\n") }
    }

    private func writeTrustedForwarding(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, forwarding: borrowing Forwarding,
        into out: inout ByteBuffer
    ) {
        out.writeStaticString("X-Forwarded-For: ")
        for field in fields where field.kind == .forwardedFor && !field.value.isEmpty {
            out.write(bytes, field.value)
            out.writeStaticString(", ")
        }
        out.writeBytes(forwarding.clientAddress)
        out.writeStaticString("\r\nX-Forwarded-Proto: ")
        if let field = fields.first(where: { $0.kind == .forwardedProto }) {
            out.write(bytes, field.value)
        } else {
            out.writeStaticString(forwarding.scheme)
        }
        out.writeStaticString("\r\nX-Forwarded-Host: ")
        out.write(bytes, fields.first(where: { $0.kind == .forwardedHost })?.value ?? head.host)
        out.writeStaticString("\r\n\r\n")
    }
}

extension ByteBuffer {
    @inline(__always)
    mutating func write(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        self.writeBytes(bytes.extracting(range).bytes)
    }

    /// The field's line, with one space before its value and nothing behind it.
    mutating func writeField(_ bytes: Span<UInt8>, _ field: FieldTable.Field) {
        self.write(bytes, field.name)
        self.writeStaticString(": ")
        self.write(bytes, field.value)
        self.writeStaticString("\r\n")
    }
}
