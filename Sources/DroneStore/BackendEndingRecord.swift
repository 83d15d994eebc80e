package import PlaneProtocol

/// How a backend is being ended: what is reported now, and what will be reported when its process is gone. Stored, so that the next agent has it.
package struct BackendEndingRecord: Hashable, Sendable {
    /// Reported with the current state.
    package var ending: BackendEnding
    /// The state in which the backend will end.
    package var state: BackendState
    package var cause: BackendCause?
    /// The explanation for people, in one sentence.
    package var message: String?
    /// Who asked for the end, by their own account.
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
