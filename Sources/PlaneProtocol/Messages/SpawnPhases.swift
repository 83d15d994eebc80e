/// When a backend passed each phase on its way to `Ready`, in microseconds since the agent accepted it. An addition to 0.3.24.
///
/// Phases that were not reached or not needed (an image that is there is not pulled) are nil. `scheduled` may be negative, because it precedes the
/// acceptance.
package struct SpawnPhases: Hashable, Sendable {
    /// The scheduler has sent the request (by its clock).
    package var scheduled: Int64?
    /// The backend is stored in the table, and the scheduler has its answer.
    package var accepted: Int64?
    /// The image is on the drone.
    package var pulled: Int64?
    /// Docker has made the container.
    package var created: Int64?
    /// Docker has started the container.
    package var started: Int64?
    /// The port has answered.
    package var ready: Int64?

    package init(
        scheduled: Int64? = nil, accepted: Int64? = nil, pulled: Int64? = nil, created: Int64? = nil, started: Int64? = nil,
        ready: Int64? = nil
    ) {
        self.scheduled = scheduled
        self.accepted = accepted
        self.pulled = pulled
        self.created = created
        self.started = started
        self.ready = ready
    }
}

extension SpawnPhases: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.scheduled = try json.optional("scheduled")
        self.accepted = try json.optional("accepted")
        self.pulled = try json.optional("pulled")
        self.created = try json.optional("created")
        self.started = try json.optional("started")
        self.ready = try json.optional("ready")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.fieldIfPresent("scheduled", self.scheduled)
            $0.fieldIfPresent("accepted", self.accepted)
            $0.fieldIfPresent("pulled", self.pulled)
            $0.fieldIfPresent("created", self.created)
            $0.fieldIfPresent("started", self.started)
            $0.fieldIfPresent("ready", self.ready)
        }
    }
}
