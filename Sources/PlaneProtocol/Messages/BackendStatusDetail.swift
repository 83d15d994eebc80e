/// How a backend came to a state and why, in words the operator sees. Optional beside every state; an addition of ours.
package struct BackendStatusDetail: Hashable, Sendable {
    /// The times of the phases passed so far.
    package var phases: SpawnPhases?
    /// How its container was started. Absent before that, and from agents that do not tell.
    package var start: BackendStartKind?
    package var cause: BackendCause?
    /// Exit status of the container, 128 + signal where a signal ended it.
    package var exitCode: Int64?
    /// The kernel killed a process of the container for using too much memory. Absent unless it did.
    package var wasKilledForMemory: Bool?
    /// One sentence for a person, for instance what the registry answered.
    package var message: String?
    /// The last lines the container printed, oldest first. Absent when there are none.
    package var lastLines: [String]?
    /// Who asked for what led to this state, as they called themselves; nobody checks it.
    package var requestedBy: String?
    /// The backend is being ended, and the state beside this is the one reported before. Absent once it has ended.
    package var ending: BackendEnding?

    package init(
        phases: SpawnPhases? = nil, start: BackendStartKind? = nil, cause: BackendCause? = nil, exitCode: Int64? = nil, wasKilledForMemory: Bool? = nil,
        message: String? = nil, lastLines: [String]? = nil, requestedBy: String? = nil, ending: BackendEnding? = nil
    ) {
        self.phases = phases
        self.start = start
        self.cause = cause
        self.exitCode = exitCode
        self.wasKilledForMemory = wasKilledForMemory
        self.message = message
        self.lastLines = lastLines
        self.requestedBy = requestedBy
        self.ending = ending
    }
}

extension BackendStatusDetail {
    /// Bytes that are told of who asked for something. A report that is longer than a message may be would never arrive, and with it no
    /// later one of its backend.
    package static let requesterBytes = 256

    /// As much of it as is told.
    package static func requester(_ text: String) -> String {
        guard text.utf8.count > self.requesterBytes else { return text }
        var (told, bytes) = (String.UnicodeScalarView(), 0)
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= self.requesterBytes else { break }
            told.append(scalar)
        }
        return String(told)
    }
}

extension BackendStatusDetail: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.phases = try json.optional("phases")
        self.start = try json.optional("start")
        self.cause = try json.optional("cause")
        self.exitCode = try json.optional("exit_code")
        self.wasKilledForMemory = try json.optional("oom_killed")
        self.message = try json.optional("message")
        self.lastLines = try json.optional("last_lines")
        self.requestedBy = try json.optional("requested_by")
        self.ending = try json.optional("ending")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.fieldIfPresent("phases", self.phases)
            $0.fieldIfPresent("start", self.start)
            $0.fieldIfPresent("cause", self.cause)
            $0.fieldIfPresent("exit_code", self.exitCode)
            $0.fieldIfPresent("oom_killed", self.wasKilledForMemory)
            $0.fieldIfPresent("message", self.message)
            $0.fieldIfPresent("last_lines", self.lastLines)
            $0.fieldIfPresent("requested_by", self.requestedBy)
            $0.fieldIfPresent("ending", self.ending)
        }
    }
}
