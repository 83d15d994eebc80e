import NIOCore
import ProxyCore

/// One request on its way, from its look-up to its answer: what the engine carries as the request's route.
final class PlanBRequest: ProxyRoute {
    /// What went through this request's hands at one backend.
    struct Choice {
        let number: Int
        let backend: Backend
        let endpoint: Endpoint
        let chosenAt: NIODeadline
    }

    /// Nil where nothing was found.
    let frontend: Frontend?
    /// By which logs and debug headers call the frontend: the host that was found, or what was asked for.
    let host: String
    let activity: ActivityCounter? = nil
    /// When its look-up began.
    let startedAt: NIODeadline
    let isWebSocket: Bool
    /// The visitor wants to be told which backend has answered.
    let isDebug: Bool
    /// The value of the request id's header; empty for none.
    let id: [UInt8]
    /// The id is ours, and has to be written.
    let isNamedByUs: Bool
    /// What the access log will say; nil where there is none.
    let line: AccessLine?
    /// For messages: the path without the query.
    let path: [UInt8]
    /// Where the walk through the backends began, once it has.
    var firstTurn: Int?
    var choice: Choice?
    /// Endpoints that have failed.
    var failures = 0
    /// The backend of this number has another address, which is tried before another backend.
    var againNumber: Int?
    /// Its line has been written.
    var isConcluded = false

    var name: String { self.host }

    init(
        frontend: Frontend?, host: String, startedAt: NIODeadline, isWebSocket: Bool, isDebug: Bool, id: [UInt8], isNamedByUs: Bool, line: AccessLine?,
        path: [UInt8]
    ) {
        self.frontend = frontend
        self.host = host
        self.startedAt = startedAt
        self.isWebSocket = isWebSocket
        self.isDebug = isDebug
        self.id = id
        self.isNamedByUs = isNamedByUs
        self.line = line
        self.path = path
    }

    /// The lines by which a visitor who asked for it is told what became of the request.
    var debugFields: String {
        guard self.isDebug else { return "" }
        let key = self.frontend?.host ?? ""
        return "X-Debug-Backend-Url: \(self.choice?.backend.text ?? "")\r\nX-Debug-Backend-Id: \(self.choice?.number ?? 0)\r\n"
            + "X-Debug-Frontend-Key: \(key)\r\n"
    }
}
