import Logging
import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#endif

/// Responses the proxy makes itself.
extension ClientConnection {
    /// Answers a request that has not been sent to anybody. A body that may follow it is not read, so then the connection ends.
    ///
    /// - Parameter reason: Nil where the request got what it asked for.
    func answer(_ status: ProxyStatus, _ text: String, to head: RequestHead, refusal reason: RefusalReason?, fields: String = "") {
        if let reason { self.worker.metrics.refused(reason) }
        let closes = !head.keepAlive || head.framing != .none || self.worker.isDraining
        self.respond(status, text, fields: fields, isHEAD: head.isHEAD, isHTTP10: head.isHTTP10, closes: closes)
        if closes { return self.closeLingering() }
        self.logAccess()
        self.pendingHeadLength = head.length
        self.consumeHead()
        self.awaitNextRequest()
    }

    func fail(_ failure: UpstreamFailure, head: RequestHead) {
        self.logFailure(failure)
        self.answer(failure.status, failure.sentence, to: head, refusal: failure.kind == nil ? .routesUnavailable : .backendUnavailable)
    }

    /// The request in hand gets no response from its backend.
    func failExchange(_ failure: UpstreamFailure) {
        self.logFailure(failure)
        guard let exchange else { return self.close() }
        self.consumeHead()
        self.dropUpstream()
        let closes = !exchange.request.keepAlive || !exchange.requestIsSent || self.worker.isDraining
        self.respond(
            failure.status, failure.sentence, isHEAD: exchange.request.isHEAD, isHTTP10: exchange.request.isHTTP10, closes: closes)
        self.worker.metrics.requestEnded(nanoseconds: (NIODeadline.now() - self.startedAt).nanoseconds)
        if closes { return self.closeLingering() }
        self.endExchange()
        self.awaitNextRequest()
        self.continueReading()
        self.flush()
    }

    private func awaitNextRequest() {
        self.phase = .head
        self.startedAt = .distantFuture
        self.deadline = .now() + self.worker.limits.keepAlive
    }

    /// The client's bytes cannot be understood, so nobody knows where its next request would begin.
    func refuse(_ violation: HTTPViolation) {
        self.worker.logger.debug("request refused", metadata: ["reason": "\(violation.sentence)"])
        self.worker.metrics.refused(RefusalReason(violation))
        // Behind the beginning of a response another would be taken for its body.
        if let exchange, !exchange.awaitsHead { return self.cutOff() }
        self.recordUnreadable()
        self.respond(violation.status, violation.sentence, isHEAD: false, isHTTP10: false, closes: true)
        self.closeLingering()
    }

    /// The client let us wait for too long.
    func giveUp(_ sentence: String) {
        self.worker.metrics.refused(.tooSlow)
        self.recordUnreadable()
        self.respond(.requestTimeout, sentence, isHEAD: false, isHTTP10: false, closes: true)
        self.closeLingering()
    }

    /// What could not be read, or did not come, is in the access log too.
    private func recordUnreadable() {
        guard self.worker.logsAccess, self.record == nil else { return }
        if self.startedAt == .distantFuture { self.startedAt = .now() }
        self.requestID = nil
        self.record = AccessRecord(unreadableFrom: self.clientAddress?.description ?? "-")
    }

    /// Ends a response that is not whole, in a way the client cannot take for its end.
    func cutOff() {
        self.transport.reset(isStream: self.role.isStream)
        self.close()
    }

    // MARK: /_plane_auth

    /// - Parameter page: What the request says; its token may be missing.
    func authenticate(
        _ page: AuthenticationPage, token: AccessToken, name: BackendNaming.Name, _ head: RequestHead, _ bytes: Span<UInt8>
    ) {
        guard let candidate = page.token else {
            return self.answer(.unauthorized, "Expected a token in the query.", to: head, refusal: .tokenMissing)
        }
        guard token.isEqual(candidate) else {
            return self.answer(.forbidden, "The token is not valid here.", to: head, refusal: .tokenWrong)
        }
        let secure = self.isSeenAsHTTPS(bytes) ? "; Secure" : ""
        let cookie = "\(CookieField.name)=\(String(decoding: token.cookieValue, as: UTF8.self))"
        let path = name.isByPath ? Self.prefix(name, bytes) : "/"
        self.leadOn(
            page, name: name, head, bytes, fields: "Set-Cookie: \(cookie); HttpOnly; SameSite=Lax; Path=\(path)\(secure)\r\n")
    }

    /// Sends the browser where the link leads, which is all there is to do where no token is asked for, or the request has shown it.
    func leadOn(_ page: AuthenticationPage, name: BackendNaming.Name, _ head: RequestHead, _ bytes: Span<UInt8>, fields: String = "") {
        guard let location = page.location else {
            return self.answer(
                .badRequest, "Redirect must be relative and start with a slash.", to: head, refusal: .foreignRedirect)
        }
        let target = Self.prefix(name, bytes) + String(decoding: location, as: UTF8.self)
        self.answer(.found, "", to: head, refusal: nil, fields: "Location: \(target)\r\n" + fields)
    }

    /// By path every backend has its own corner of the host, and of the cookies.
    private static func prefix(_ name: BackendNaming.Name, _ bytes: Span<UInt8>) -> String {
        name.isByPath ? BackendNaming.pathPrefix.description + Self.text(bytes, name.name) : ""
    }

    /// Whether the client's browser speaks HTTPS, to us or to the proxy before us.
    func isSeenAsHTTPS(_ bytes: Span<UInt8>) -> Bool {
        if self.role.isHTTPS { return true }
        guard self.worker.options.trustsForwarding else { return false }
        return self.worker.table.fields.contains { $0.kind == .forwardedProto && bytes.equals($0.value, lowercase: "https") }
    }

    // MARK: Redirect server

    /// The same address by HTTPS (RFC 9110 §15.4.9). The port is ours, not the one that came.
    func redirect(_ head: RequestHead, _ bytes: Span<UInt8>, httpsPort: UInt16) {
        let host = Self.text(bytes, head.hostName)
        let port = httpsPort == 443 ? "" : ":\(httpsPort)"
        let path = head.isAsteriskForm ? "" : Self.text(bytes, head.path)
        let slash = path.hasPrefix("/") ? "" : "/"
        self.answer(.permanentRedirect, "", to: head, refusal: nil, fields: "Location: https://\(host)\(port)\(slash)\(path)\r\n")
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(unsafeUninitializedCapacity: range.count) { buffer in
            for offset in 0..<range.count { buffer[offset] = bytes[range.lowerBound + offset] }
            return range.count
        }
    }

    // MARK: Bytes

    /// Every answer may be read by scripts of other origins: without that they could not tell a missing token from a missing network.
    private func respond(
        _ status: ProxyStatus, _ text: String, fields: String = "", isHEAD: Bool, isHTTP10: Bool, closes: Bool
    ) {
        self.record?.status = status.rawValue
        self.worker.metrics.responded(status: status.rawValue)
        let body = text.isEmpty ? "" : text + "\n"
        var out = ByteBufferAllocator().buffer(capacity: 384 + fields.utf8.count + body.utf8.count)
        out.writeString("HTTP/1.1 \(status.rawValue) \(status.reason)\r\n")
        out.writeBytes(self.worker.date.field())
        out.writeStaticString("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n")
        out.writeString("Content-Length: \(body.utf8.count)\r\n")
        if let requestID {
            out.writeStaticString(RequestID.fieldName)
            requestID.write(into: &out)
            out.writeStaticString("\r\n")
        }
        if self.role.isHTTPS, let field = self.worker.strictTransportSecurity { out.writeBytes(field) }
        if status == .unauthorized { out.writeStaticString("WWW-Authenticate: Bearer\r\n") }
        out.writeString(fields)
        if closes {
            out.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            out.writeStaticString("Connection: keep-alive\r\n")
        }
        out.writeStaticString("\r\n")
        if !isHEAD { out.writeString(body) }
        self.write(out)
    }

    func logFailure(_ failure: UpstreamFailure) {
        if let kind = failure.kind { self.worker.metrics.upstreamFailed(kind) }
        var metadata: Logger.Metadata = ["status": "\(failure.status.rawValue)", "reason": "\(failure.detail)"]
        if let requestID { metadata["request_id"] = "\(requestID)" }
        if let route {
            metadata["backend"] = "\(route.name)"
            if case .ready(let pool) = route.destination { metadata["address"] = "\(pool.address)" }
        }
        self.worker.logger.info("request not served", metadata: metadata)
    }
}
