/// How a backend came to a state and why, for the operator. An optional part of every state, and an addition to 0.3.24.
package struct BackendStatusDetail: Hashable, Sendable {
    /// The times of the phases passed so far.
    package var phases: SpawnPhases?
    /// How the container was started. Nil before that, and from agents that do not report it.
    package var start: BackendStartKind?
    package var cause: BackendCause?
    /// Exit code of the container; 128 plus the signal if a signal ended it.
    package var exitCode: Int64?
    /// True if the kernel killed a process of the container because it used too much memory; otherwise nil.
    package var wasKilledForMemory: Bool?
    /// The explanation for people in one sentence, for instance the registry's answer.
    package var message: String?
    /// The last lines that the container printed, oldest first; nil if there are none.
    package var lastLines: [String]?
    /// Who asked for what led to this state, by their own account; nobody checks it.
    package var requestedBy: String?
    /// Set while the backend is being ended; the state is then the one reported before. Nil once the backend has ended.
    package var ending: BackendEnding?
    /// True when the container was frozen because there was no traffic, and false when it was thawed; nil in reports of anything else.
    package var isHeld: Bool?

    package init(
        phases: SpawnPhases? = nil, start: BackendStartKind? = nil, cause: BackendCause? = nil, exitCode: Int64? = nil, wasKilledForMemory: Bool? = nil,
        message: String? = nil, lastLines: [String]? = nil, requestedBy: String? = nil, ending: BackendEnding? = nil, isHeld: Bool? = nil
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
        self.isHeld = isHeld
    }
}

extension BackendStatusDetail {
    /// How many bytes of the requester's name are reported. A report that exceeds the size of a message would never arrive, and later reports of its backend
    /// would wait for it.
    package static let requesterBytes = 256

    /// The name, shortened to that length.
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
        self.isHeld = try json.optional("held")
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
            $0.fieldIfPresent("held", self.isHeld)
        }
    }
}
