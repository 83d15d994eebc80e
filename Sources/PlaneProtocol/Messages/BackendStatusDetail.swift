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
        self.message = message.map { $0.prefix(bytes: Self.messageBytes) }
        self.lastLines = lastLines.map(Self.shortened)
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
    package static func requester(_ text: String) -> String { text.prefix(bytes: self.requesterBytes) }

    /// How many bytes of the explanation, and of the last lines together, are sent and read. Schedulers pass on what drones say, and readers keep it, so that a
    /// drone could otherwise fill the stream, and the memory of whoever looks at its backends, with a megabyte for each of their states.
    static let messageBytes = 4096
    static let linesBytes = 16 * 1024
    static let linesLimit = 64

    /// The newest lines that fit.
    private static func shortened(_ lines: [String]) -> [String] {
        var (kept, bytes) = (0, 0)
        for line in lines.reversed() {
            bytes += line.utf8.count
            guard kept < self.linesLimit, bytes <= self.linesBytes else { break }
            kept += 1
        }
        return kept == lines.count ? lines : Array(lines.suffix(kept))
    }
}

extension BackendStatusDetail: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.init(
            phases: try json.optional("phases"), start: try json.optional("start"), cause: try json.optional("cause"),
            exitCode: try json.optional("exit_code"), wasKilledForMemory: try json.optional("oom_killed"), message: try json.optional("message"),
            lastLines: try json.optional("last_lines"),
            requestedBy: (try json.optional("requested_by") as String?).map { Self.requester($0) }, ending: try json.optional("ending"),
            isHeld: try json.optional("held"))
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
