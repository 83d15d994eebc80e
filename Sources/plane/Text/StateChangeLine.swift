import PlaneProtocol

/// One message of the state's stream as a line: `2026-03-11 09:15:30 cluster: plane.test drone drone-a: Ready`.
struct StateChangeLine {
    let message: StateMessage
    let published: WireTime

    /// The time as `YYYY-MM-DD HH:MM:SS` in UTC.
    private var stamp: String {
        WireTime(seconds: self.published.seconds).description.replacing("T", with: " ").replacing("Z", with: "")
    }

    var text: String {
        switch self.message {
        case .heartbeat: "\(self.stamp) heartbeat"
        case .cluster(let cluster, let change): "\(self.stamp) cluster: \(cluster) \(Self.text(change))"
        }
    }

    /// Whether the message only says that a scheduler or drone is alive.
    var isSignOfLife: Bool {
        switch self.message {
        case .heartbeat: true
        case .cluster(_, .drone(let message)):
            if case .keepAlive = message.change { true } else { false }
        case .cluster: false
        }
    }

    private static func text(_ change: ClusterStateMessage) -> String {
        switch change {
        case .lock(let message):
            "lock \(message.lock.printable): \(message.kind.rawValue) \(String(message.uid.rawValue, radix: 16))"
        case .drone(let message): "drone \(message.drone): \(self.text(message.change))"
        case .backend(let message): "backend \(message.backend): \(self.text(message.change))"
        case .acme(let value, earlier: _): "acme: \(value.printable)"
        case .names(let sequence): "names: changed at \(sequence)"
        }
    }

    private static func text(_ change: DroneMessage.Change) -> String {
        switch change {
        case .metadata(let metadata): "registered, ip \(metadata.ip), version \(metadata.version.printable)"
        case .state(let state, _): state.rawValue
        case .keepAlive: "alive"
        }
    }

    private static func text(_ change: BackendMessage.Change) -> String {
        switch change {
        case .assignment(let assignment):
            "assigned to \(assignment.drone)"
                + (assignment.lockAssignment.map {
                    " with lock \($0.lock.printable) \(String($0.uid.rawValue, radix: 16))"
                } ?? "")
        case .state(let state, _): state.rawValue
        case .ending(let ending): "is being ended (\(ending.reason), \(ending.kind))"
        }
    }
}

/// A message of the state's stream in JSON output: its sequence, its time, and the message without its token.
struct StateChangeItem: JSONEncodable {
    let sequence: UInt64
    let published: WireTime
    let message: StateMessage

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("sequence", self.sequence)
            $0.field("published", self.published)
            $0.field("subject", self.message.subject)
            $0.field("message", self.withoutToken)
        }
    }

    private var withoutToken: StateMessage {
        guard case .cluster(let cluster, .backend(var message)) = self.message, case .assignment(var assignment) = message.change,
            assignment.bearerToken != nil || assignment.hasHiddenToken
        else { return self.message }
        assignment.bearerToken = nil
        message.change = .assignment(assignment)
        return .cluster(cluster, .backend(message))
    }
}
