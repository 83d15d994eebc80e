import Logging
import LogKeys
import NIOCore
import ProxyCore
import RedisClient

/// What is done about failures: who is told, and what visitors get.
extension PlanBPolicy {
    func recover(from attempt: FailedAttempt, of request: PlanBRequest, at endpoint: UpstreamPool) -> Recovery {
        self.retrying = nil
        guard let choice = request.choice else { return .giveUp }
        let isConnecting =
            switch attempt.failure {
            case .refusedConnection, .connectTimedOut, .unreachable: true
            default: false
            }
        if isConnecting, attempt.retry == .allowed, choice.endpoint.turn(from: endpoint) {
            request.againNumber = choice.number
            self.retrying = request
            return .selectAgain
        }
        self.fail(request, self.text(of: attempt.failure), marks: Self.marks(attempt))
        guard attempt.retry != .forbidden, request.failures <= self.options.retries, request.frontend.map({ $0.backends.count > 1 }) == true else {
            return .giveUp
        }
        // A backend that was not marked is not tried again for this request either.
        request.firstTurn = (choice.number + 1) % (request.frontend?.backends.count ?? 1)
        self.retrying = request
        return .selectAgain
    }

    /// Failures of the connection mark a backend; a bad answer, or none, does not. A connection that is reset during an upload may be the end of an answer
    /// that refuses the upload: nobody must be able to put a backend out of service by uploading.
    private static func marks(_ attempt: FailedAttempt) -> Bool {
        switch attempt.failure {
        case .refusedConnection, .connectTimedOut, .unreachable: true
        case .brokeBeforeResponse: attempt.hasWholeRequest
        case .handshakeFailed, .noResources, .closedBeforeResponse, .malformedResponse, .upgradeNobodyAskedFor, .tooManyInterimResponses,
            .responseTimedOut, .stillStarting, .failedWhileStarting:
            false
        }
    }

    private func text(of failure: UpstreamFailure) -> String {
        switch failure {
        case .responseTimedOut: "request timeout after \(GoDuration.text(self.options.requestTimeout)): \(failure.sentence)"
        case .connectTimedOut: "dial timeout after \(GoDuration.text(self.options.dialTimeout)): \(failure.sentence)"
        default: "error in backend request: \(failure.sentence)"
        }
    }

    /// Called when the backend chosen for this request has failed.
    func fail(_ request: PlanBRequest, _ text: String, marks: Bool) {
        request.fail()
        guard let frontend = request.frontend, let choice = request.choice, let backend = request.chosenBackend else { return self.tell(request, text) }
        let isMarked = marks && !(self.options.sparesSingleBackends && frontend.backends.count == 1)
        self.tell(request, isMarked ? "\(text) *DEAD*" : text, backend: backend)
        if isMarked { self.mark(choice.number, backend, of: frontend) }
    }

    /// Marks a backend dead in Redis. The answer does not wait for that, because this process knows of the mark already.
    private func mark(_ number: Int, _ backend: Backend, of frontend: Frontend) {
        self.metrics.markedDead()
        guard self.source.marks.add(backend.entry, number: number, of: frontend.host, at: .now()) else { return }
        let key = "dead:\(frontend.host)"
        self.writer.send([RedisCommand("SADD", key, "\(number)"), RedisCommand("EXPIRE", key, "\(self.options.deadSeconds)")]) { result in
            switch result {
            case .success(let replies):
                if let problem = replies.lazy.compactMap(\.problem).first {
                    return self.host.logger.error("a dead mark was not taken", metadata: [LogKey.key: "\(key)", LogKey.error: "\(problem)"])
                }
                self.source.marks.written(backend.entry, of: frontend.host, at: .now())
            case .failure(let error):
                self.host.logger.debug("a dead mark was not written", metadata: [LogKey.key: "\(key)", LogKey.error: "\(error)"])
            }
        }
        let message = Array("\(frontend.host);".utf8) + backend.entry + Array(";\(number);\(frontend.backends.count)".utf8)
        // It does not matter whether anybody receives the message: who listens reads the marks as well.
        self.writer.send([RedisCommand("PUBLISH", Array("dead".utf8), message)]) { _ in }
    }

    // MARK: Answers

    /// An answer of the proxy itself, which ends the request.
    func answer(_ status: ProxyStatus, _ text: String, to request: PlanBRequest) -> ProxyAnswer {
        let answer = self.worded(status, text, request)
        self.conclude(request, status: answer.status.rawValue, length: answer.text.utf8.count, hasBackend: false)
        return answer
    }

    /// A request for a WebSocket gets 502 for every failure.
    private func worded(_ status: ProxyStatus, _ text: String, _ request: PlanBRequest) -> ProxyAnswer {
        var answer =
            request.isWebSocket
            ? ProxyAnswer(.badGateway, "\n", fields: request.debugFields, refusal: nil)
            : ProxyAnswer(status, text, fields: request.debugFields, refusal: nil)
        answer.form = .bare
        return answer
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, on request: PlanBRequest?) -> ProxyAnswer {
        var answer: ProxyAnswer
        switch failure {
        case .visitor(.malformed(let violation)):
            let status: ProxyStatus =
                switch violation {
                case .unsupportedTransferEncoding: .notImplemented
                case .unsupportedVersion: .httpVersionNotSupported
                // These are in the body, so a part of the request had been sent to a backend.
                case .malformedChunkSize, .malformedChunkExtension, .malformedChunkEnd, .forbiddenTrailer, .trailersTooLarge: .serviceUnavailable
                default: violation.status
                }
            answer = ProxyAnswer(status, status == .serviceUnavailable ? "" : "\(status.rawValue) \(status.reason): \(violation.sentence)", refusal: nil)
        case .visitor(.slowHead): answer = ProxyAnswer(.requestTimeout, "", refusal: nil)
        case .visitor(.slowBody): answer = ProxyAnswer(.serviceUnavailable, "", refusal: nil)
        case .upstream, .proxy:
            guard let request else {
                answer = ProxyAnswer(.serviceUnavailable, "", refusal: nil)
                break
            }
            // After a failure the debug headers do not name the backend.
            request.choice = nil
            answer = self.worded(.serviceUnavailable, "", request)
        }
        answer.form = .bare
        return answer
    }

    func ended(_ ended: EndedRequest, on request: PlanBRequest?) {
        guard let request, !request.isConcluded else { return }
        // The visitor went away before the answer; nginx's status for that has become a custom.
        self.conclude(request, status: ended.status == 0 ? 499 : ended.status, length: ended.status == 502 ? 1 : 0, hasBackend: false)
    }

    // MARK: Logs

    /// Called when the answer's head is known: counts the request and writes its line to the access log.
    func conclude(_ request: PlanBRequest, status: Int, length: Int?, hasBackend: Bool) {
        guard !request.isConcluded else { return }
        request.isConcluded = true
        let now = NIODeadline.now()
        let total = now - request.startedAt
        let wait = hasBackend ? request.choice.map { now - $0.chosenAt } ?? .zero : .zero
        self.metrics.responded(status: status, total: total, backend: wait)
        guard let line = request.line else { return }
        line.write(
            AccessLine.Outcome(status: status, length: length, key: request.frontend?.host ?? "", total: total, backend: wait),
            at: self.time.now(), into: &self.accessLines)
        self.accessLineCount += 1
        if self.accessLines.readableBytes >= 64 * 1024 { self.flushAccessLines() }
    }

    func flushAccessLines() {
        guard let log = self.source.accessLog, self.accessLineCount > 0 else { return }
        log.write(self.accessLines, count: self.accessLineCount)
        self.accessLines = ByteBuffer()
        self.accessLineCount = 0
    }

    /// A line of the error log: `ERROR in HOST -> BACKEND - PATH - IDHEADER:ID - TEXT`.
    func tell(_ request: PlanBRequest, _ text: String, backend: Backend? = nil) {
        var line = ByteBuffer()
        line.writeString("ERROR in \(request.host) -> \(backend?.text ?? "?") - ")
        let target = request.target
        var path: [UInt8] = []
        AccessLine.writePath(target.span, target.indices, into: &path)
        line.writeBytes(path)
        line.writeStaticString(" - ")
        line.writeBytes(self.idHeader)
        line.writeString(":\(LogText.escaped(request.id)) - \(text)\n")
        self.source.errorLog.write(line, count: 1)
    }
}

extension RedisValue {
    /// The error text of Redis; nil if the command was carried out.
    fileprivate var problem: String? { if case .error(let text) = self { text } else { nil } }
}
