import JSONValues
import Logging
package import PlaneProtocol
import Synchronization

/// Sends log events to the subjects `logs.>` (M15), if the configuration asks for it.
///
/// It cannot cause events of its own: nothing here logs, events of the NATS library are left out, and events that come faster than they can be sent are
/// dropped and counted instead of queued.
package final class LogFeed: Sendable {
    package static let ofThisProcess = LogFeed()

    /// How many events are kept, as in 0.3.24.
    static let limit = 128
    /// Events of this library are left out, since publishing them could cause more of them.
    private static let silentSource = "NATS"

    private struct State {
        var component: LogMessage.Component?
        var waiting: [LogMessage] = []
        var droppedCount = 0
    }

    private let state = Mutex(State())
    private let isOpen = Atomic(false)
    /// Signals that there is something to send. One signal is enough for many events, since the sender takes all.
    private let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation

    package init() {
        (self.arrivals, self.arrived) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Keeps events from now on until they can be sent.
    package func open(as component: LogMessage.Component) {
        self.state.withLock { $0.component = component }
        self.isOpen.store(true, ordering: .relaxed)
    }

    /// Changes the name under which it was opened, since a drone may find its id only in its database.
    package func rename(_ component: LogMessage.Component) {
        self.state.withLock { if $0.component != nil { $0.component = component } }
    }

    func take(_ record: LogRecord) {
        guard self.isOpen.load(ordering: .relaxed), record.source != Self.silentSource else { return }
        self.state.withLock { state in
            guard let component = state.component else { return }
            guard state.waiting.count < Self.limit else { return state.droppedCount += 1 }
            state.waiting.append(record.message(of: component))
        }
        self.arrived.yield()
    }

    /// Calls `send` with the events, until cancelled.
    package func run(_ send: @Sendable (LogMessage) -> Void) async {
        guard self.isOpen.load(ordering: .relaxed) else { return }
        for await _ in self.arrivals {
            for message in self.drain() { send(message) }
        }
    }

    /// The waiting events, preceded by a message about those that were dropped.
    func drain() -> [LogMessage] {
        self.state.withLock { state in
            defer { (state.waiting, state.droppedCount) = ([], 0) }
            guard state.droppedCount > 0, let component = state.component else { return state.waiting }
            let fields: [String: JSONValue] = ["message": .string("log events were dropped"), "count": .string("\(state.droppedCount)")]
            return state.waiting + [
                LogMessage(component: component, target: "logs", name: "event", severity: .warn, time: .now(), fields: fields)
            ]
        }
    }
}

extension LogRecord {
    /// The event as a message in the format of 0.3.24.
    func message(of component: LogMessage.Component) -> LogMessage {
        var fields = Dictionary(uniqueKeysWithValues: self.metadata.map { ($0.key, JSONValue(embedding: "\($0.value)")) })
        fields["message"] = .string(self.message)
        return LogMessage(
            component: component, target: self.label, name: "event \(self.file):\(self.line)", severity: self.level.severity, time: self.time,
            fields: fields)
    }
}

extension Logger.Level {
    fileprivate var severity: LogMessage.Severity {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info, .notice: .info
        case .warning: .warn
        case .error, .critical: .error
        }
    }
}
