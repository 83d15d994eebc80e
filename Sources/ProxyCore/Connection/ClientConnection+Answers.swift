import Logging
import LogKeys
import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#endif

/// Responses the proxy makes itself.
extension ClientConnection {
    /// Answers a request that no endpoint has got. A body that may follow is not read, so the connection ends after the answer.
    func answer(_ answer: ProxyAnswer, to head: RequestHead, failure: RequestFailure? = nil) {
        if let reason = answer.refusal { self.worker.metrics.refused(reason) }
        let closes = self.role.isStream || !head.keepAlive || head.framing != .none || self.worker.isDraining
        self.respond(answer, isHEAD: head.isHEAD, isHTTP10: head.isHTTP10, closes: closes)
        self.ended(status: answer.status.rawValue, of: self.request.route, failure: failure)
        if closes { return self.closeLingering() }
        self.logAccess()
        self.consumeHead(head.length)
        self.awaitNextRequest()
    }

    /// - Parameter bytes: The bytes of the head, whose fields are in the worker's table.
    func fail(_ failure: RequestFailure, of name: String? = nil, head: RequestHead, _ bytes: Span<UInt8>) {
        self.logFailure(failure, of: name)
        let notes = self.worker.policy.notes(on: head, self.worker.table.fields, bytes)
        self.answer(self.worker.policy.answer(to: failure, notes, onCarried: self.request.route), to: head, failure: failure)
    }

    /// Ends the current request when its backend gives no response: answers it with the cause, or cuts off a response that has begun.
    func failExchange(_ cause: UpstreamFailure) {
        let failure = RequestFailure.upstream(cause)
        self.logFailure(failure)
        guard let exchange else { return self.close() }
        let notes = self.request.offer?.notes ?? []
        self.consumeHead(self.request.offer?.headLength ?? 0)
        self.dropUpstream()
        let closes = self.role.isStream || !exchange.request.keepAlive || !exchange.requestIsSent || self.worker.isDraining
        let answer = self.worker.policy.answer(to: failure, notes, onCarried: self.request.route)
        self.respond(answer, isHEAD: exchange.request.isHEAD, isHTTP10: exchange.request.isHTTP10, closes: closes)
        self.worker.metrics.requestEnded(nanoseconds: (NIODeadline.now() - self.startedAt).nanoseconds)
        self.ended(status: answer.status.rawValue, of: self.request.route, failure: failure)
        if closes { return self.closeLingering() }
        self.endExchange()
        self.awaitNextRequest()
        self.continueReading()
        self.flush()
    }

    private func awaitNextRequest() {
        guard self.request.awaitNext() else { return }
        self.startedAt = .distantFuture
        self.deadline = .now() + self.worker.limits.keepAlive
    }

    /// Refuses what the client sent because it cannot be understood, and ends the connection, since nobody can tell where the next request would begin.
    func refuse(_ violation: HTTPViolation) {
        self.worker.logger.debug("request refused", metadata: [LogKey.reason: "\(violation.sentence)"])
        // Once a response has begun, the client would read an answer as a part of its body.
        if let exchange, !exchange.awaitsHead {
            self.worker.metrics.refused(RefusalReason(violation))
            return self.cutOff()
        }
        self.endUnread(.malformed(violation))
    }

    /// Answers a client that did not send its request in time, and ends the connection.
    func giveUp(_ failure: VisitorFailure) {
        self.endUnread(failure)
    }

    private func endUnread(_ cause: VisitorFailure) {
        let failure = RequestFailure.visitor(cause)
        self.recordUnreadable()
        let answer = self.worker.policy.answer(to: failure, [], onCarried: self.request.route)
        if let reason = answer.refusal { self.worker.metrics.refused(reason) }
        self.respond(answer, isHEAD: false, isHTTP10: false, closes: true)
        self.ended(status: answer.status.rawValue, of: self.request.route, failure: failure)
        self.closeLingering()
    }

    /// Begins an access log record for a request that could not be read, or did not come in time.
    private func recordUnreadable() {
        guard self.worker.logsAccess, self.record == nil else { return }
        if self.startedAt == .distantFuture { self.startedAt = .now() }
        self.requestID = nil
        self.record = AccessRecord(unreadableFrom: self.visitor.address?.description ?? "-")
    }

    /// Ends a response that is incomplete by a reset, so that the client cannot take what it has for the whole.
    func cutOff() {
        self.transport.reset()
        self.close()
    }

    // MARK: Redirect server

    /// Redirects to the same address by HTTPS (RFC 9110 §15.4.9). The port is the configured one, not the one in the request.
    func redirect(_ head: RequestHead, _ bytes: Span<UInt8>, httpsPort: UInt16) {
        let host = bytes.text(head.hostName)
        let port = httpsPort == 443 ? "" : ":\(httpsPort)"
        let path = head.isAsteriskForm ? "" : bytes.text(head.path)
        let slash = path.hasPrefix("/") ? "" : "/"
        let location = "Location: https://\(host)\(port)\(slash)\(path)\r\n"
        self.answer(ProxyAnswer(.permanentRedirect, "", fields: location, refusal: nil), to: head)
    }

    // MARK: Bytes

    private func respond(_ answer: ProxyAnswer, isHEAD: Bool, isHTTP10: Bool, closes: Bool) {
        let status = answer.status
        self.record?.status = status.rawValue
        self.worker.metrics.responded(status: status.rawValue)
        let isPage = answer.form == .page
        let body = isPage && !answer.text.isEmpty ? answer.text + "\n" : answer.text
        var out = ByteBufferAllocator().buffer(capacity: 384 + answer.fields.utf8.count + body.utf8.count)
        if !self.role.isStream { out.writeString("HTTP/1.1 \(status.rawValue) \(status.reason)\r\n") }
        out.writeBytes(self.worker.date.field())
        if isPage || !body.isEmpty {
            out.writeStaticString("Content-Type: ")
            out.writeStaticString(answer.contentType)
            out.writeStaticString("\r\n")
        }
        if isPage { out.writeStaticString("Cache-Control: no-store\r\n") }
        out.writeString("Content-Length: \(body.utf8.count)\r\n")
        if isPage, let requestID {
            out.writeStaticString(RequestID.fieldName)
            requestID.write(into: &out)
            out.writeStaticString("\r\n")
        }
        self.worker.policy.addAnswerFields(status: status, to: self.visitor, into: &out)
        out.writeString(answer.fields)
        if let stream { return self.sendStreamAnswer(status: status.rawValue, out, body: isHEAD ? "" : body, on: stream) }
        if closes {
            out.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            out.writeStaticString("Connection: keep-alive\r\n")
        }
        out.writeStaticString("\r\n")
        if !isHEAD { out.writeString(body) }
        self.write(out)
    }

    /// - Parameter name: The route's name, where the request has no endpoint yet.
    func logFailure(_ failure: RequestFailure, of name: String? = nil) {
        if case .upstream(let cause) = failure { self.worker.metrics.upstreamFailed(cause.kind) }
        guard self.worker.reportsFailure() else { return }
        var metadata: Logger.Metadata = [LogKey.status: "\(failure.status.rawValue)", LogKey.reason: "\(failure.detail)"]
        if let requestID { metadata[LogKey.requestID] = "\(requestID)" }
        if let offer = self.request.offer {
            metadata[LogKey.backend] = "\(offer.route.name)"
            metadata[LogKey.address] = "\(offer.endpoint.address)"
        } else if let name {
            metadata[LogKey.backend] = "\(name)"
        }
        self.worker.logger.info("request not served", metadata: metadata)
    }
}
