import GatewayCore
import PlaneProtocol
import Synchronization

/// Writes the statuses of one backend into one open stream as they come, without a task that waits for them: there may be ten thousand such streams.
final class StatusPush: StatusReceiver {
    private enum State {
        /// The earlier statuses are being read; these have come meanwhile.
        case early([BackendStateMessage])
        case open(StatusHistory, StreamOutlet)
        case over
    }

    /// What has to be done after the lock is released.
    private enum Action {
        case nothing
        case tell([StatusEntry], StreamOutlet, isLast: Bool)
        case showLife(StreamOutlet)
        case finish(StreamOutlet)
    }

    private let state = Mutex(State.early([]))

    /// Writes the earlier statuses, and from then on each that comes. Called on the event loop of the stream, where all pieces keep their order.
    func begin(_ entries: [StatusEntry], _ history: StatusHistory, _ outlet: StreamOutlet) {
        let (first, isOver) = self.state.withLock { state -> ([StatusEntry], Bool) in
            guard case .early(let messages) = state else { return (entries, true) }
            var history = history
            var entries = entries
            for message in messages { entries += history.apply(message) }
            state = history.hasEnded ? .over : .open(history, outlet)
            return (entries, history.hasEnded)
        }
        Self.tell(first, outlet, isLast: isOver)
    }

    private static func tell(_ entries: [StatusEntry], _ outlet: StreamOutlet, isLast: Bool) {
        for entry in entries { outlet.push(entry.event, isVital: true) }
        if isLast { outlet.finish() }
    }

    func receive(_ event: StatusHub.Event) {
        let action = self.state.withLock { state -> Action in
            switch (state, event) {
            case (.early(let messages), .message(let message)):
                // So many are not published of one backend; who has missed some connects again.
                state = messages.count < StatusHub.backendBuffer ? .early(messages + [message]) : .over
                return .nothing
            case (.open(var history, let outlet), .message(let message)):
                let entries = history.apply(message)
                state = history.hasEnded ? .over : .open(history, outlet)
                return .tell(entries, outlet, isLast: history.hasEnded)
            case (.open(_, let outlet), .tick): return .showLife(outlet)
            case (.early, .tick), (.over, _): return .nothing
            }
        }
        self.carryOut(action)
    }

    func end() {
        let action = self.state.withLock { state -> Action in
            defer { state = .over }
            if case .open(_, let outlet) = state { return .finish(outlet) }
            return .nothing
        }
        self.carryOut(action)
    }

    private func carryOut(_ action: Action) {
        switch action {
        case .nothing: break
        case .tell(let entries, let outlet, let isLast): Self.tell(entries, outlet, isLast: isLast)
        case .showLife(let outlet): outlet.push(EventStreamText.keepAlive, isVital: false)
        case .finish(let outlet): outlet.finish()
        }
    }
}
