import NIOCore
import ProxyCore

/// One request from its lookup to its answer. The engine carries it as the request's route.
final class PlanBRequest: ProxyRoute {
    /// The backend that was chosen for the request.
    struct Choice {
        let number: Int
        let endpoint: Endpoint
        let chosenAt: NIODeadline
    }

    /// Nil if the lookup has found none.
    let frontend: Frontend?
    /// The frontend's name in logs and debug headers: the host that was found or, if none was, the name that was looked up.
    let host: String
    let activity: ActivityCounter? = nil
    /// When the lookup began.
    let startedAt: NIODeadline
    let isWebSocket: Bool
    /// Whether the visitor asks which backend has answered.
    let isDebug: Bool
    /// The request's id, as the value of its header; empty for none.
    let id: [UInt8]
    /// Whether the proxy has made the id, and has to add the header.
    let isNamedByUs: Bool
    /// The line for the access log; nil without an access log.
    let line: AccessLine?
    /// Path and query as they came, for messages; empty for a target without both.
    let target: [UInt8]
    /// The number of the first backend that was tried; nil before that.
    var firstTurn: Int?
    var choice: Choice?
    /// How many endpoints have failed.
    private(set) var failures = 0
    /// The numbers of the backends that have failed.
    private var tried: [Int] = []
    /// The number of a backend whose next address is tried before another backend.
    var againNumber: Int?
    /// Whether its line in the access log has been written.
    var isConcluded = false

    var name: String { self.host }

    var chosenBackend: Backend? { self.choice.flatMap { self.frontend?.backends[$0.number] } }

    init(
        frontend: Frontend?, host: String, startedAt: NIODeadline, isWebSocket: Bool, isDebug: Bool, id: [UInt8], isNamedByUs: Bool, line: AccessLine?,
        target: [UInt8]
    ) {
        self.frontend = frontend
        self.host = host
        self.startedAt = startedAt
        self.isWebSocket = isWebSocket
        self.isDebug = isDebug
        self.id = id
        self.isNamedByUs = isNamedByUs
        self.line = line
        self.target = target
    }

    /// The chosen backend has failed.
    func fail() {
        self.failures += 1
        if let choice { self.tried.append(choice.number) }
    }

    /// Whether this request has failed at a backend already, which may be in the list more than once.
    func hasTried(_ number: Int) -> Bool {
        guard !self.tried.isEmpty, let backends = self.frontend?.backends else { return false }
        return self.tried.contains { $0 == number || backends[$0].entry == backends[number].entry }
    }

    /// Header lines that tell a visitor who has asked for them how the request was treated.
    var debugFields: String {
        guard self.isDebug else { return "" }
        let key = self.frontend?.host ?? ""
        return "X-Debug-Backend-Url: \(self.chosenBackend?.text ?? "")\r\nX-Debug-Backend-Id: \(self.choice?.number ?? 0)\r\n"
            + "X-Debug-Frontend-Key: \(key)\r\n"
    }
}
