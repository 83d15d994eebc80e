/// A change of one backend: its assignment, a state, or the beginning of its end.
package struct BackendMessage: Hashable, Sendable {
    package enum Change: Hashable, Sendable {
        case assignment(BackendAssignment)
        /// The time is by the clock of the scheduler that wrote it.
        case state(BackendState, at: StateTime)
        /// The backend's end has begun; it holds its lock until it has ended. An addition on a subject of its own, which 0.3.24 ignores.
        case ending(BackendEnding)
    }

    package var backend: BackendID
    package var change: Change

    package init(backend: BackendID, change: Change) {
        self.backend = backend
        self.change = change
    }

    /// Matches every message about one backend.
    package static func subscription(backend: BackendID, cluster: ClusterName) -> String {
        "state.cluster.\(cluster.subjectToken).backend.\(backend).>"
    }
}

extension BackendMessage: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend")
        if let assignment = try json.optional("Assignment", as: BackendAssignment.self) {
            self.change = .assignment(assignment)
        } else if let state = try json.optional("State", as: Timestamped<BackendState>.self) {
            self.change = .state(state.value, at: state.timestamp)
        } else if let ending = try json.optional("Ending", as: BackendEnding.self) {
            self.change = .ending(ending)
        } else {
            throw MessageError(expected: "one of Assignment, State, Ending", found: "none of them")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend", self.backend)
            switch self.change {
            case .assignment(let assignment):
                $0.field("Assignment", assignment)
            case .state(let state, let time):
                $0.object("State") {
                    $0.field("state", state)
                    $0.field("timestamp", time)
                }
            case .ending(let ending):
                $0.field("Ending", ending)
            }
        }
    }

    var subjectTail: String {
        switch self.change {
        case .assignment(let assignment):
            if let lock = assignment.lockAssignment?.lock {
                "backend.\(self.backend).assignment.lock.\(lock.subjectHash)"
            } else {
                "backend.\(self.backend).assignment"
            }
        case .state(let state, _):
            "backend.\(self.backend).state.\(state)"
        case .ending:
            "backend.\(self.backend).ending"
        }
    }
}
