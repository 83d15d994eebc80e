/// One change of the fleet, written by the schedulers to the stream `plane_state` for everybody who follows the state (M14).
///
/// The stream keeps the last message of each subject, so that later readers get a short history with the same result.
package enum StateMessage: Hashable, Sendable {
    /// Written once a second. The time of its publication is the clock by which announcements of locks lapse.
    case heartbeat
    case cluster(ClusterName, ClusterStateMessage)
}

extension StateMessage: PlaneMessage {
    package static let subscription = "state.>"
    /// The header of a heartbeat that says which version its scheduler is; absent from older ones. An addition to 0.3.24, which reads no headers there.
    package static let versionHeader = "Plane-Version"

    package var subject: String {
        switch self {
        case .heartbeat: "state.heartbeat"
        case .cluster(let cluster, let message): "state.cluster.\(cluster.subjectToken).\(message.subjectTail)"
        }
    }

    /// Whether the server refuses a second message on the same subject instead of replacing the first one. The writer asks for that with the header
    /// `Nats-Expected-Last-Subject-Sequence: 0`.
    ///
    /// True for the states of a backend, each of which is reached once, and for the beginning of its end. 0.3.24 does the same with the states of a drone, so
    /// that a drone that was drained can never be ready again; here a newer state of a drone replaces the older one.
    package var isFirstWriteWins: Bool {
        guard case .cluster(_, .backend(let message)) = self else { return false }
        return switch message.change {
        case .state, .ending: true
        case .assignment: false
        }
    }

    package init(json: JSONNode) throws(MessageError) {
        // A heartbeat has no keys, so a message without a cluster is one.
        guard let cluster = try json.member("cluster") else {
            self = .heartbeat
            return
        }
        self = .cluster(try cluster.decode(ClusterName.self, at: .key("cluster")), try ClusterStateMessage(json: json))
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .heartbeat:
                $0.field("heartbeat", Bool?.none)
            case .cluster(let cluster, let message):
                $0.field("cluster", cluster)
                message.writeField(to: &$0)
            }
        }
    }
}
