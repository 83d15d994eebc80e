package import PlaneProtocol

/// How a backend is being ended: what is told of it now, and what will be told once its process is gone. Survives the agent.
package struct BackendEndingRecord: Hashable, Sendable {
    /// Told with the present state.
    package var ending: BackendEnding
    /// The state it will end in.
    package var state: BackendState
    package var cause: BackendCause?
    /// One sentence for a person.
    package var message: String?
    /// Who asked for the end, as they call themselves.
    package var requestedBy: String?

    package init(_ ending: BackendEnding, to state: BackendState, cause: BackendCause?, message: String? = nil, requestedBy: String? = nil) {
        self.ending = ending
        self.state = state
        self.cause = cause
        self.message = message
        self.requestedBy = requestedBy
    }
}

extension BackendEndingRecord: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.ending = try json.required("ending")
        self.state = try json.required("state")
        self.cause = try json.optional("cause")
        self.message = try json.optional("message")
        self.requestedBy = try json.optional("requested_by")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("ending", self.ending)
            $0.field("state", self.state)
            $0.fieldIfPresent("cause", self.cause)
            $0.fieldIfPresent("message", self.message)
            $0.fieldIfPresent("requested_by", self.requestedBy)
        }
    }
}
