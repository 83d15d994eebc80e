import NIOCore

/// Writes the head that a backend gets, from the head that the client sent: in one pass over the field table, copying adjacent lines together.
package struct RequestHeadWriter {
    /// What the proxy tells backends about the client in forwarding fields.
    struct Forwarding {
        /// The client's address without its port.
        var clientAddress: [UInt8]
        /// The lines `X-Forwarded-For: a\r\nX-Forwarded-Proto: p\r\nX-Forwarded-Host: `, to be followed by the host.
        var fields: [UInt8]
        var scheme: StaticString

        init(clientAddress: String, scheme: StaticString) {
            self.clientAddress = Array(clientAddress.utf8)
            self.fields = Array("X-Forwarded-For: \(clientAddress)\r\nX-Forwarded-Proto: \(scheme)\r\nX-Forwarded-Host: ".utf8)
            self.scheme = scheme
        }

        /// Used until the client is known, and for one without an address.
        static let unknown = Forwarding(clientAddress: "unknown", scheme: "http")
    }

    /// What a backend sees of the client's forwarding fields.
    package enum ForwardingFields: Sendable {
        /// The client's fields are dropped; the proxy writes its own.
        case replaced
        /// The client's fields are kept and the proxy adds to them, because only proxies can reach it.
        case extended
        /// The client's fields are kept, and the proxy adds nothing.
        case kept
        /// As ``extended``, for `X-Forwarded-For` and `-Proto`. The client's other fields are kept, and nothing is added to them.
        case extendedButHost
    }

    var path: Range<Int>
    /// The `Authorization` field is dropped.
    var hidesAuthorization = false
    /// The name of the cookie that is removed from the `Cookie` fields; nil removes none.
    var hiddenCookie: StaticString?
    var forwardingFields = ForwardingFields.replaced
    /// Fields whose names begin like this are dropped, also with underscores for hyphens. In lower case and with hyphens; nil drops none.
    var hiddenPrefix: StaticString?
    /// Fields with these names, in lower case, are dropped.
    var hiddenNames: [[UInt8]] = []
    /// The client's id for its request is passed on unchecked, and the proxy gives none.
    var keepsRequestID = false
    /// The value of the field `Host`, in place of the client's.
    var host: [UInt8]?

    /// How many bytes the result may be longer than the client's head, apart from the client's address.
    private static let growth = 208

    /// - Parameters:
    ///   - newID: The id for the request, where the client's own cannot be passed on.
    ///   - added: Complete lines that are put behind the fields.
    func write(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, forwarding: borrowing Forwarding, newID: RequestID?,
        allocator: ByteBufferAllocator, added: ByteBuffer? = nil
    ) -> ByteBuffer {
        let capacity = head.length + Self.growth + forwarding.fields.count + head.host.count
        var out = allocator.buffer(capacity: capacity)
        if self.keepsRequestLine(head, bytes) {
            self.writeFields(head, fields, bytes, from: 0, into: &out)
        } else {
            out.write(bytes, head.method.lowerBound..<(head.method.upperBound + 1))
            if !head.isAsteriskForm, self.path.isEmpty || bytes[self.path.lowerBound] != .slash { out.writeInteger(UInt8.slash) }
            out.write(bytes, self.path)
            out.writeStaticString(" HTTP/1.1\r\n")
            self.writeFields(head, fields, bytes, from: head.fieldsStart, into: &out)
        }
        if case .chunked = head.framing { out.writeStaticString("Transfer-Encoding: chunked\r\n") }
        if head.wantsUpgrade { out.writeStaticString("Connection: Upgrade\r\n") }
        if let newID {
            out.writeStaticString(RequestID.fieldName)
            newID.write(into: &out)
            out.writeStaticString("\r\n")
        }
        if let host {
            out.writeStaticString("Host: ")
            out.writeBytes(host)
            out.writeStaticString("\r\n")
        }
        if let added { out.writeImmutableBuffer(added) }
        switch self.forwardingFields {
        case .replaced:
            out.writeBytes(forwarding.fields)
            out.write(bytes, head.host)
            out.writeStaticString("\r\n\r\n")
        case .extended, .extendedButHost:
            self.writeExtendedForwarding(head, fields, bytes, forwarding: forwarding, into: &out)
        case .kept:
            out.writeStaticString("\r\n")
        }
        return out
    }

    /// Whether the client's first line is what the backend is to get, so that it can be copied together with the fields behind it.
    @inline(__always)
    private func keepsRequestLine(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        head.method.lowerBound == 0 && self.path.lowerBound == head.method.upperBound + 1 && self.path.upperBound + 11 == head.fieldsStart
            && bytes[self.path.lowerBound] == .slash
            && bytes.equals(self.path.upperBound..<head.fieldsStart, uppercase: " HTTP/1.1\r\n")
    }

    /// Writes the fields. Lines that stay as they are mostly lie next to each other, and are copied together.
    ///
    /// - Parameter start: Where the bytes begin that are copied with the first of them.
    private func writeFields(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from start: Int, into out: inout ByteBuffer
    ) {
        var stretch = start
        for field in fields {
            switch self.action(of: field, head, bytes) {
            case .keep:
                continue
            case .drop:
                out.write(bytes, stretch..<field.name.lowerBound)
            case .rewriteCookie:
                out.write(bytes, stretch..<field.name.lowerBound)
                self.writeCookies(bytes, field, into: &out)
            case .rewriteBlanks:
                out.write(bytes, stretch..<field.name.lowerBound)
                out.writeField(bytes, field)
            }
            stretch = field.end
        }
        out.write(bytes, stretch..<(head.length - 2))
    }

    private enum FieldAction { case keep, drop, rewriteCookie, rewriteBlanks }

    private func action(of field: FieldTable.Field, _ head: RequestHead, _ bytes: Span<UInt8>) -> FieldAction {
        switch field.kind {
        case .other: self.hides(field, bytes) ? .drop : .keep
        case .setCookie, .date, .trailer: .keep
        case .host: self.host != nil ? .drop : field.hasTabs(bytes) ? .rewriteBlanks : .keep
        case .contentLength: field.hasTabs(bytes) ? .rewriteBlanks : .keep
        // An HTTP/1.0 client cannot wait for an interim response (RFC 9110 §10.1.1).
        case .expect: head.isHTTP10 ? .drop : field.hasTabs(bytes) ? .rewriteBlanks : .keep
        case .connection, .keepAlive, .proxyConnection, .te, .proxyAuthentication, .nominated, .transferEncoding, .misleading: .drop
        case .forwardedFor, .forwardedProto: self.forwardingFields == .kept ? .keep : .drop
        case .forwardedHost:
            switch self.forwardingFields {
            case .replaced, .extended: .drop
            case .kept, .extendedButHost: self.hides(field, bytes) ? .drop : .keep
            }
        case .otherForwarded: self.forwardingFields == .replaced || self.hides(field, bytes) ? .drop : .keep
        case .upgrade: !head.wantsUpgrade ? .drop : field.hasTabs(bytes) ? .rewriteBlanks : .keep
        case .requestID: self.keepsRequestID ? (self.hides(field, bytes) ? .drop : .keep) : head.requestID == nil ? .drop : .keep
        case .authorization: self.hidesAuthorization ? .drop : .keep
        case .cookie:
            if let hiddenCookie, CookieField.contains(hiddenCookie, bytes, in: field.value) { .rewriteCookie } else { .keep }
        }
    }

    private func hides(_ field: FieldTable.Field, _ bytes: Span<UInt8>) -> Bool {
        if let hiddenPrefix, ClientDescription.begins(bytes, field.name, hiddenPrefix) { return true }
        for name in self.hiddenNames where name.count == field.name.count {
            if name.indices.allSatisfy({ name[$0] == bytes[field.name.lowerBound + $0].lowercased }) { return true }
        }
        return false
    }

    /// Writes the field without the hidden cookie, or nothing when that was the only one.
    private func writeCookies(_ bytes: Span<UInt8>, _ field: FieldTable.Field, into out: inout ByteBuffer) {
        guard let hiddenCookie else { return }
        var isFirst = true
        CookieField.forEachPair(bytes, in: field.value, named: hiddenCookie) { pair, hiddenValue in
            if hiddenValue != nil { return }
            out.writeStaticString(isFirst ? "Cookie: " : "; ")
            out.write(bytes, pair)
            isFirst = false
        }
        if !isFirst { out.writeStaticString("\r\n") }
    }

    private func writeExtendedForwarding(
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
        if let field = fields.first(where: { $0.kind == .forwardedProto && !$0.value.isEmpty }) {
            out.write(bytes, field.value)
        } else {
            out.writeStaticString(forwarding.scheme)
        }
        if self.forwardingFields == .extendedButHost { return _ = out.writeStaticString("\r\n\r\n") }
        out.writeStaticString("\r\nX-Forwarded-Host: ")
        out.write(bytes, fields.first(where: { $0.kind == .forwardedHost && !$0.value.isEmpty })?.value ?? head.host)
        out.writeStaticString("\r\n\r\n")
    }
}

extension ByteBuffer {
    @inline(__always)
    package mutating func write(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        self.writeBytes(bytes.extracting(range).bytes)
    }

    /// Writes the field's line, with one space before the value and none behind it.
    mutating func writeField(_ bytes: Span<UInt8>, _ field: FieldTable.Field) {
        self.write(bytes, field.name)
        self.writeStaticString(": ")
        self.write(bytes, field.value)
        self.writeStaticString("\r\n")
    }
}
