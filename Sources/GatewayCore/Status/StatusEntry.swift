package import PlaneProtocol

/// One status of a backend as clients of Plane 0.5 read it. Unknown values are left out.
package struct StatusEntry: Hashable, Sendable {
    package var status: GatewayStatus
    package var reason: TerminationReason?
    package var kind: BackendEnding.Kind?
    package var exitError: Bool?
    /// By the drone's clock; for `scheduled` by that of the NATS server.
    package var time: StateTime
    /// The reason in a sentence that visitors may read. An addition to Plane 0.5.
    package var error: String?
    /// The reason for programs. An addition to Plane 0.5.
    package var cause: BackendCause?
    /// An addition to Plane 0.5.
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

    /// The status as an event of a stream (HTML Standard, server-sent events). Existing clients depend on the order of the lines and on the space in the
    /// second one.
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

/// Parts of an event stream that are not statuses.
package enum EventStreamText {
    /// A comment, which readers ignore; it shows that the stream is alive.
    package static let keepAlive = Array(":\n\n".utf8)

    /// One event with one line of data.
    package static func event(_ json: [UInt8], id: String? = nil) -> [UInt8] {
        (id.map { Array("id: \($0)\n".utf8) } ?? []) + Array("data: ".utf8) + json + Array("\n\n".utf8)
    }
}
