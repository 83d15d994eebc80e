import NIOCore
import ProxyCore

/// Changes the heads that backends and visitors get.
extension PlanBPolicy {
    private static let debugName = Array("x-debug-router".utf8)
    private static let hostNames = [Array("x-host".utf8), Array("x-forwarded-host".utf8)]

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for request: PlanBRequest,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        var rewriting = RequestRewriting()
        self.addedLines.clear()
        if request.isDebug { rewriting.hiddenNames.append(Self.debugName) }
        if request.isNamedByUs {
            // A field without a value is dropped, so that ours is the only one.
            rewriting.hiddenNames.append(self.foldedIDHeader)
            self.addedLines.writeBytes(self.idHeader)
            self.addedLines.writeStaticString(": ")
            self.addedLines.writeBytes(request.id)
            self.addedLines.writeStaticString("\r\n")
        }
        if let backend = request.choice?.endpoint.backend, backend.isName {
            rewriting.host = Array(backend.host.utf8)
            if self.options.trustsForwarding {
                rewriting.hiddenNames += Self.hostNames
                self.addedLines.writeStaticString("X-Host: ")
                self.addedLines.write(bytes, head.host)
                self.addedLines.writeStaticString("\r\nX-Forwarded-Host: ")
                self.addedLines.write(bytes, head.host)
                self.addedLines.writeStaticString("\r\n")
            }
        }
        if self.options.trustsForwarding {
            rewriting.forwarding = .extendedButHost
        }
        // `trailers` is the one option of TE that may be forwarded (RFC 9110 §10.1.4).
        for field in fields where field.kind == .te && Self.wantsTrailers(bytes, field.value) {
            self.addedLines.writeStaticString("TE: trailers\r\n")
            break
        }
        rewriting.addsFields = self.addedLines.readableBytes > 0
        return rewriting
    }

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for request: PlanBRequest, to endpoint: UpstreamPool, from visitor: Visitor,
        into out: inout ByteBuffer
    ) {
        out.writeImmutableBuffer(self.addedLines)
    }

    private static func wantsTrailers(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
        var wants = false
        bytes.forEachListElement(in: value) { if bytes.equals($0, lowercase: "trailers") { wants = true } }
        return wants
    }

    // MARK: Responses

    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of request: PlanBRequest,
        to visitor: Visitor
    ) -> ResponseRewriting {
        var rewriting = ResponseRewriting()
        if head.isInterim { return rewriting }
        if self.options.marksServerErrors, (501...599).contains(head.status), !(head.status == 503 && Self.saysWhenToRetry(fields, bytes)) {
            self.fail(request, "error in backend request: status \(head.status)", marks: true)
        }
        self.conclude(request, status: head.status, length: Self.length(head, fields, bytes), hasBackend: true)
        if request.isDebug { rewriting.addedFields = Array(request.debugFields.utf8) }
        return rewriting
    }

    private static func saysWhenToRetry(_ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        fields.contains { bytes.equals($0.name, lowercase: "retry-after") }
    }

    /// The length that the response's head states; 0 if it cannot have a body.
    private static func length(_ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Int? {
        if let field = fields.first(where: { $0.kind == .contentLength }), field.value.count < 19 {
            return field.value.reduce(0) { $0 * 10 + Int(bytes[$1] & 0xF) }
        }
        return head.status == 204 || head.status == 304 || head.status == 101 ? 0 : nil
    }
}
