package import PlaneProtocol

/// One status of a backend, as clients of Plane 0.5 read it. What is not known is left out.
package struct StatusEntry: Hashable, Sendable {
    package var status: GatewayStatus
    package var reason: TerminationReason?
    package var kind: BackendEnding.Kind?
    package var exitError: Bool?
    /// By the drone's clock; of `scheduled`, by that of the NATS server.
    package var time: StateTime
    /// Why, in a sentence that a stranger may read. Ours.
    package var error: String?
    /// The same for programs. Ours.
    package var cause: BackendCause?
    /// Ours.
    package var phases: SpawnPhases?

    package init(
        _ status: GatewayStatus, at time: StateTime, reason: TerminationReason? = nil, kind: BackendEnding.Kind? = nil, exitError: Bool? = nil,
        error: String? = nil, cause: BackendCause? = nil, phases: SpawnPhases? = nil
    ) {
        self.status = status
        self.time = time
        self.reason = reason
        self.kind = kind
        self.exitError = exitError
        self.error = error
        self.cause = cause
        self.phases = phases
    }

    /// As an event of a stream (HTML Standard, server-sent events). The order of its lines and the space in the second one are what clients in
    /// the field were written against.
    package var event: [UInt8] {
        Array("data:".utf8) + WireCodec.encode(self) + Array("\nid: \(self.status)\n\n".utf8)
    }
}

extension StatusEntry: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("status", self.status)
            $0.fieldIfPresent("termination_reason", self.reason)
            $0.fieldIfPresent("termination_kind", self.kind)
            $0.fieldIfPresent("exit_error", self.exitError)
            $0.field("time", self.time)
            $0.fieldIfPresent("error", self.error)
            $0.fieldIfPresent("cause", self.cause)
            $0.fieldIfPresent("phases", self.phases)
        }
    }
}

/// Parts of a stream of events that are no statuses.
package enum EventStreamText {
    /// Says that the stream is alive; a comment, which readers pass over.
    package static let keepAlive = Array(":\n\n".utf8)

    /// One event with one line of data.
    package static func event(_ json: [UInt8], id: String? = nil) -> [UInt8] {
        (id.map { Array("id: \($0)\n".utf8) } ?? []) + Array("data: ".utf8) + json + Array("\n\n".utf8)
    }
}
