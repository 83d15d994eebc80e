import NIOCore

/// Writes the head that a client gets, from the head that the backend sent.
struct ResponseHeadWriter {
    /// What the `Connection` field tells the client.
    enum Connection { case unsaid, close, keepAlive, upgrade }

    var connection: Connection
    /// The client does not know chunks, and gets the content without them.
    var removesChunks: Bool
    /// The line `Date: …\r\n`, for a backend that sent none.
    var date: [UInt8]?
    /// Complete lines that are put behind the fields.
    var addedFields: [UInt8]?
    /// Restricts the cookies that the backend may set; nil for no restriction, and for a response that sets none.
    var cookieRules: SetCookieRules?
    /// The name of a field that is dropped, in lower case; nil drops none.
    var hiddenField: StaticString?

    private static let growth = 96

    /// Writes the head, into a buffer with room for `bodyRoom` bytes of body behind it.
    ///
    /// - Parameter added: More complete lines.
    func write(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, bodyRoom: Int, allocator: ByteBufferAllocator,
        added: ByteBuffer? = nil
    ) -> ByteBuffer {
        var out = allocator.buffer(capacity: head.length + Self.growth + bodyRoom)
        var stretch = head.fieldsStart
        if self.keepsStatusLine(head, bytes) {
            stretch = 0
        } else {
            out.writeStaticString("HTTP/1.1 ")
            out.write(bytes, head.statusAndReason)
            // A status line ends with a space even when no reason follows it (RFC 9112 §4).
            if head.statusAndReason.count == 3 { out.writeInteger(UInt8.space) }
            out.writeStaticString("\r\n")
        }

        for field in fields {
            switch self.action(of: field, head, bytes) {
            case .keep:
                continue
            case .drop:
                out.write(bytes, stretch..<field.name.lowerBound)
            case .rewriteCookie:
                out.write(bytes, stretch..<field.name.lowerBound)
                self.cookieRules?.write(bytes, field.value, into: &out)
            case .rewriteBlanks:
                out.write(bytes, stretch..<field.name.lowerBound)
                out.writeField(bytes, field)
            }
            stretch = field.end
        }
        if self.connection == .unsaid, self.date == nil, self.addedFields == nil, added == nil {
            out.write(bytes, stretch..<head.length)
            return out
        }
        out.write(bytes, stretch..<(head.length - 2))

        if let date { out.writeBytes(date) }
        if let addedFields { out.writeBytes(addedFields) }
        if let added { out.writeImmutableBuffer(added) }
        switch self.connection {
        case .unsaid: out.writeStaticString("\r\n")
        case .close: out.writeStaticString("Connection: close\r\n\r\n")
        case .keepAlive: out.writeStaticString("Connection: keep-alive\r\n\r\n")
        case .upgrade: out.writeStaticString("Connection: Upgrade\r\n\r\n")
        }
        return out
    }

    /// Whether the backend's first line is what the client is to get, so that it can be copied together with the fields behind it.
    @inline(__always)
    private func keepsStatusLine(_ head: ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        head.statusAndReason.lowerBound == 9 && head.statusAndReason.count > 3 && head.statusAndReason.upperBound + 2 == head.fieldsStart
            && bytes.equals(0..<9, uppercase: "HTTP/1.1 ")
    }

    private enum FieldAction { case keep, drop, rewriteBlanks, rewriteCookie }

    @inline(__always)
    private func action(of field: FieldTable.Field, _ head: ResponseHead, _ bytes: Span<UInt8>) -> FieldAction {
        switch field.kind {
        case .other:
            guard let hiddenField, bytes.equals(field.name, lowercase: hiddenField) else { return .keep }
            return .drop
        case .host, .expect, .cookie, .authorization, .date, .trailer, .forwardedFor, .forwardedProto, .forwardedHost, .otherForwarded,
            .requestID:
            return .keep
        case .setCookie:
            guard let cookieRules, !cookieRules.allows(bytes, field.value) else { return .keep }
            return .rewriteCookie
        case .connection, .keepAlive, .proxyConnection, .te, .proxyAuthentication, .nominated, .misleading: return .drop
        // A response 426 has to say to which protocol the client is to switch (RFC 9110 §15.5.22).
        case .upgrade: return head.status != 101 && head.status != 426 ? .drop : .keep
        case .contentLength, .transferEncoding:
            // Responses of these statuses end with their head, and have to say nothing else (RFC 9110 §8.6, RFC 9112 §6.1).
            if head.status < 200 || head.status == 204 { return .drop }
            if field.kind == .transferEncoding, self.removesChunks { return .drop }
            return field.hasTabs(bytes) ? .rewriteBlanks : .keep
        }
    }
}
