import NIOCore

/// Writes the head a backend sees, out of the head a client sent: one pass over the field table, whole stretches of lines at a time.
package struct RequestHeadWriter {
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

        /// Until the client is known, and of one that has no address.
        static let unknown = Forwarding(clientAddress: "unknown", scheme: "http")
    }

    /// What a backend sees of what the client says in forwarding fields.
    package enum ForwardingFields: Sendable {
        /// Nothing: they are replaced by what we know.
        case replaced
        /// All of it, and what we know behind it, because only proxies can reach us.
        case extended
        /// All of it and nothing more.
        case kept
        /// What the policy writes of `X-Forwarded-For` and `-Proto`, and of others what the client says.
        case written
    }

    var path: Range<Int>
    /// The `Authorization` field is not for the backend.
    var hidesAuthorization = false
    /// The cookie that is not for the backend, and taken out of the `Cookie` fields; nil looks for none.
    var hiddenCookie: StaticString?
    var forwardingFields = ForwardingFields.replaced
    /// Fields with names that begin like this, in lower case and with hyphens, are dropped, also with underscores; nil looks for none.
    var hiddenPrefix: StaticString?
    /// Fields with these names, in lower case, are dropped too.
    var hiddenNames: [[UInt8]] = []
    /// The client's name for its request is passed on whatever it is, and we have none.
    var keepsRequestID = false
    /// What the field `Host` says instead of what came.
    var host: [UInt8]?

    /// Bytes by which the result may be longer than what came, client address aside.
    private static let growth = 208

    /// - Parameters:
    ///   - newID: What we call the request, where the client's own name for it cannot be passed on.
    ///   - added: Whole lines that are put behind the fields.
    func write(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, forwarding: borrowing Forwarding, newID: RequestID?,
        allocator: ByteBufferAllocator, added: ByteBuffer? = nil
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
        case .extended:
            self.writeExtendedForwarding(head, fields, bytes, forwarding: forwarding, into: &out)
        case .kept, .written:
            out.writeStaticString("\r\n")
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

    private func treatment(of field: FieldTable.Field, _ head: RequestHead, _ bytes: Span<UInt8>) -> FieldAction {
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
            case .kept, .written: self.hides(field, bytes) ? .drop : .keep
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

    /// The field without the hidden cookie, or nothing when no other is left.
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
    package mutating func write(_ bytes: Span<UInt8>, _ range: Range<Int>) {
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
