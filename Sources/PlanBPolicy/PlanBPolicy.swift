import EpollTransport
import Logging
import NIOCore
import ProxyCore
import RedisClient

/// Routes requests as Hipache and PlanB do: for every request Redis says which backends serve its host, and which of them are marked dead.
///
/// The route that the engine carries is an object for each request (``PlanBRequest``), in which every phase finds the results of those before it. Everything
/// here belongs to one event loop, except for counters and marks, which the whole process shares (``PlanBPolicySource``).
final class PlanBPolicy: ProxyPolicy {
    typealias Route = PlanBRequest

    /// The result of a lookup, kept until the requests that waited for it have been served.
    struct Found {
        enum Result {
            case frontend(Frontend)
            case nothing
            case failed(String)
        }

        /// The name that was looked up.
        let name: String
        let meaning: Result
        let beganAt: NIODeadline
    }

    /// Nothing is remembered of a request but what is in its route. An empty literal would go through an array, since the type is of another module.
    private static let noNotes = RequestNotes(rawValue: 0)
    /// The route of the ping page. No host name has a slash, so that it collides with none.
    static let pingName = "/ping"
    private static let pingHost = Array("__ping__".utf8)

    let source: PlanBPolicySource
    let options: PlanBOptions
    let host: PolicyHost
    let loop: EpollEventLoop
    let endpoints: EndpointDirectory
    let reader: RedisClient
    let writer: RedisClient
    var cache = FrontendCache()
    /// What Redis has answered, while the requests that waited for it are served.
    var found: Found?
    var lookupsGoingOn = 0
    /// The error in the last reply of Redis to PING; nil if there was none.
    var pingProblem: String?
    /// A request whose backend has failed and that gets another one. The engine resolves it next.
    var retrying: PlanBRequest?
    @exclusivity(unchecked) var metrics: PlanBMetrics
    @exclusivity(unchecked) var time = LocalTime()
    @exclusivity(unchecked) var ids = UUIDSource()
    /// Lines of the access log that have not been handed to the writer.
    var accessLines = ByteBuffer()
    var accessLineCount = 0
    /// Lines that follow a request's fields. They are made when the fields are looked at, and written with the head.
    var addedLines = ByteBuffer()
    let idHeader: [UInt8]
    let foldedIDHeader: [UInt8]
    private var timers: [RepeatingTimer] = []

    private static let flushInterval: TimeAmount = .milliseconds(50)
    private static let reportInterval: TimeAmount = .milliseconds(500)
    private static let sweepInterval: TimeAmount = .seconds(5)

    init(_ source: PlanBPolicySource, host: PolicyHost, loop: EpollEventLoop, endpoints: EndpointDirectory) {
        self.source = source
        self.options = source.options
        self.host = host
        self.loop = loop
        self.endpoints = endpoints
        self.reader = RedisClient(
            source.options.reading, limits: source.options.redisLimits, trackedPrefixes: source.options.cachesFrontends ? ["frontend:", "dead:"] : nil,
            on: loop, logger: host.logger)
        self.writer = RedisClient(source.options.writing, limits: source.options.redisLimits, on: loop, logger: host.logger)
        self.metrics = PlanBMetrics(source.metrics)
        self.idHeader = Array((source.options.requestIDHeader ?? "").utf8)
        self.foldedIDHeader = self.idHeader.map(\.lowercased)
        self.reader.invalidated = { [unowned self] in self.changed($0) }
        self.timers = [
            RepeatingTimer(every: Self.flushInterval, on: loop) { [unowned self] in self.flushAccessLines() },
            RepeatingTimer(every: Self.reportInterval, on: loop) { [unowned self] in self.metrics.report() },
            RepeatingTimer(every: Self.sweepInterval, on: loop) { [unowned self] in
                self.endpoints.sweep(at: .now())
                self.source.marks.sweep(at: .now())
            },
        ]
    }

    var repeatsElsewhere: Bool { self.options.retries > 0 }

    func end() {
        for timer in self.timers { timer.cancel() }
        self.timers = []
        self.flushAccessLines()
        self.metrics.report()
        self.reader.close()
        self.writer.close()
    }

    var description: String {
        "  redis to read, \(self.reader.server.description): \(self.reader.status); \(self.reader.sentCount) commands, \(self.reader.failedCount) failed\n"
            + "  redis to write, \(self.writer.server.description): \(self.writer.status); \(self.writer.sentCount) commands, \(self.writer.failedCount) failed\n"
            + "  look-ups going on: \(self.lookupsGoingOn); frontends remembered: \(self.cache.count); backends in use: \(self.endpoints.count)\n"
    }

    // MARK: Resolve

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        if let retrying {
            self.retrying = nil
            if lookup != nil { return .route(retrying, path: head.path, Self.noNotes) }
        }
        if self.isPing(head, bytes) { return self.answerPing(after: lookup) }
        let name =
            self.options.usesWildcards ? FrontendName.folded(head.hostName, bytes) : FrontendName.received(head.host, bytes)
        if lookup == nil {
            guard self.options.cachesFrontends, let known = self.cache.find(name), known.isFresh(at: now, changeCount: self.cache.changeCount) else {
                return .wait(forLookupOf: name)
            }
            return self.begin(head, fields, bytes, visitor, known, name, startedAt: now)
        }
        guard let found, found.name == name else {
            // The request has waited too long, or was resolved again for another reason than a lookup.
            return .wait(forLookupOf: name)
        }
        switch found.meaning {
        case .frontend(let frontend):
            return self.begin(head, fields, bytes, visitor, frontend, name, startedAt: found.beganAt)
        case .nothing:
            let request = self.request(head, fields, bytes, visitor, nil, name, startedAt: found.beganAt)
            self.tell(request, "no backends registered for host")
            return .answer(self.answer(.badRequest, "no such route", to: request))
        case .failed(let problem):
            if self.options.cachesFrontends, let known = self.cache.find(name) {
                return self.begin(head, fields, bytes, visitor, known, name, startedAt: found.beganAt)
            }
            let request = self.request(head, fields, bytes, visitor, nil, name, startedAt: found.beganAt)
            self.tell(request, "error in backend request: \(problem)")
            return .answer(self.answer(.serviceUnavailable, "", to: request))
        }
    }

    private func begin(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ visitor: Visitor, _ frontend: Frontend, _ name: String,
        startedAt: NIODeadline
    ) -> Resolution {
        .route(self.request(head, fields, bytes, visitor, frontend, name, startedAt: startedAt), path: head.path, Self.noNotes)
    }

    private func request(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ visitor: Visitor, _ frontend: Frontend?, _ name: String,
        startedAt: NIODeadline
    ) -> PlanBRequest {
        var isDebug = false
        var given: Range<Int>?
        var upgrade: Range<Int>?
        for field in fields {
            switch field.kind {
            case .other, .nominated, .requestID, .otherForwarded:
                if bytes.equals(field.name, lowercase: "x-debug-router"), !field.value.isEmpty { isDebug = true }
                // A field that the visitor names in Connection would be dropped, so it does not count.
                if !self.idHeader.isEmpty, given == nil, field.kind != .nominated, !field.value.isEmpty, self.isIDHeader(field.name, bytes) {
                    given = field.value
                }
            case .upgrade: if upgrade == nil { upgrade = field.value }
            default: break
            }
        }
        let isNamedByUs = !self.idHeader.isEmpty && given == nil
        let id = isNamedByUs ? self.ids.next() : given.map { range in range.map { bytes[$0] } } ?? []
        let line =
            self.source.accessLog == nil
            ? nil : AccessLine(head, fields, bytes, from: visitor, idHeader: self.idHeader, id: id)
        return PlanBRequest(
            frontend: frontend, host: frontend?.host ?? name, startedAt: startedAt,
            isWebSocket: upgrade.map { bytes.equals($0, lowercase: "websocket") } ?? false, isDebug: isDebug, id: id, isNamedByUs: isNamedByUs,
            line: line, target: bytes.extracting(head.path).withUnsafeBufferPointer { Array($0) })
    }

    private func isIDHeader(_ name: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        name.count == self.foldedIDHeader.count
            && self.foldedIDHeader.indices.allSatisfy { bytes[name.lowerBound + $0].lowercased == self.foldedIDHeader[$0] }
    }

    // MARK: The health of the proxy

    private func isPing(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        guard head.host.count == Self.pingHost.count, bytes[head.host.lowerBound] == UInt8(ascii: "_") else { return false }
        guard Self.pingHost.indices.allSatisfy({ bytes[head.host.lowerBound + $0] == Self.pingHost[$0] }) else { return false }
        guard !head.path.isEmpty else { return true }
        return bytes[head.path.lowerBound] == .slash
            && (head.path.count == 1 || bytes[head.path.lowerBound + 1] == .questionMark)
    }

    private func answerPing(after lookup: LookupOutcome?) -> Resolution {
        guard lookup != nil else { return .wait(forLookupOf: Self.pingName) }
        var answer = self.pingProblem.map { ProxyAnswer(.internalServerError, $0, refusal: nil) } ?? ProxyAnswer(.ok, "OK", refusal: nil)
        answer.form = .bare
        return .answer(answer)
    }

    // MARK: Select

    func selectEndpoint(of request: PlanBRequest, attempt: Int) -> Selection {
        guard let frontend = request.frontend else { preconditionFailure("a request without a frontend has been answered") }
        let now = NIODeadline.now()
        let count = frontend.backends.count
        if let number = request.againNumber {
            request.againNumber = nil
            if let selection = self.select(number, of: frontend, for: request, at: now) { return selection }
        }
        let first = request.firstTurn ?? Int(frontend.turn.take() % UInt32(count))
        request.firstTurn = first
        let hasMarks = !self.source.marks.isEmpty
        // The marks of the moment at which the request began: its frontend is not read again, however long a backend before this one was waited for.
        let dead = frontend.dead(at: request.startedAt, markLife: self.options.markLife)
        for offset in 0..<count {
            let number = (first + offset) % count
            if !dead.isEmpty, dead.contains(number) { continue }
            if request.hasTried(number) { continue }
            if hasMarks, self.source.marks.contains(frontend.backends[number].entry, of: frontend.host, readAt: frontend.readAt, at: now) { continue }
            if let selection = self.select(number, of: frontend, for: request, at: now) { return selection }
        }
        request.choice = nil
        // After a failure the visitor is told of that, because no backend is left.
        if request.failures > 0 { return .answer(self.answer(.serviceUnavailable, "", to: request)) }
        self.tell(request, "all backends are dead")
        return .answer(self.answer(.serviceUnavailable, "all backends are dead", to: request))
    }

    /// Nil if this backend's name cannot be resolved, so that another one is to be tried.
    private func select(_ number: Int, of frontend: Frontend, for request: PlanBRequest, at now: NIODeadline) -> Selection? {
        guard let address = frontend.backends[number].address else {
            let backend = frontend.backends[number]
            if backend.isEmpty {
                self.tell(request, "no backends registered for host")
                return .answer(self.answer(.badRequest, "no such route", to: request))
            }
            self.tell(request, "error in backend request: the entry names no host", backend: backend)
            return .answer(self.answer(.serviceUnavailable, "", to: request))
        }
        let endpoint = self.endpoints.endpoint(address, at: now)
        request.choice = PlanBRequest.Choice(number: number, endpoint: endpoint, chosenAt: now)
        if let pool = endpoint.pool { return .endpoint(pool) }
        let problem = endpoint.failure?.description ?? "the name has not been resolved"
        // A resolver that has no answer at the moment says nothing about the backend.
        self.fail(request, "error in backend request: \(problem)", marks: endpoint.failure.map { !$0.isTemporary } ?? !address.isName)
        guard request.failures <= self.options.retries else {
            return .answer(self.answer(.serviceUnavailable, "", to: request))
        }
        return nil
    }
}
