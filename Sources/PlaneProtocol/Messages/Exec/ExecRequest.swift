/// Asks a drone to run a program in the container of a backend, or to copy files from or to it; sent by an operator to that drone's agent. An addition to
/// 0.3.24.
///
/// Answered when the program has begun. Its output is fetched by `ExecOutputRequest`, its input sent by `ExecInput`. The operator always asks and the agent
/// only answers, so the agent needs no permission to publish, and neither side can flood the other.
package struct ExecRequest: Hashable, Sendable {
    package enum Work: Hashable, Sendable {
        case run(ExecProgram)
        /// The output is a tar archive of this file or directory.
        case copyFrom(path: String)
        /// The input is a tar archive, which is unpacked in this existing directory.
        case copyTo(path: String)
    }

    package var cluster: ClusterName
    package var drone: DroneID
    package var backend: BackendID
    package var exec: ExecID
    package var work: Work
    /// Who asks, by their own account, for the agent's log.
    package var requestedBy: String?

    package init(cluster: ClusterName, drone: DroneID, backend: BackendID, exec: ExecID, work: Work, requestedBy: String? = nil) {
        self.cluster = cluster
        self.drone = drone
        self.backend = backend
        self.exec = exec
        self.work = work
        self.requestedBy = requestedBy
    }
}

/// A program to be run in a running container.
package struct ExecProgram: Hashable, Sendable {
    /// The program and its arguments, without a shell.
    package var command: [String]
    /// The size of the program's terminal; nil if it has none.
    package var terminal: TerminalSize?
    /// The user, as in `docker exec --user`; the container's own if nil.
    package var user: String?
    /// An absolute path; the container's own if nil.
    package var workingDirectory: String?

    package init(command: [String], terminal: TerminalSize? = nil, user: String? = nil, workingDirectory: String? = nil) {
        self.command = command
        self.terminal = terminal
        self.user = user
        self.workingDirectory = workingDirectory
    }
}

/// The size in characters.
package struct TerminalSize: Hashable, Sendable {
    package var rows: UInt16
    package var columns: UInt16

    package init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

extension ExecRequest: PlaneRequest {
    package typealias Reply = UnitReply

    package static let subscription = "cluster.*.drone.*.exec.begin"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String { "cluster.\(cluster.subjectToken).drone.\(drone).exec.begin" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.backend = try json.required("backend")
        self.exec = try json.required("exec")
        self.requestedBy = try json.optional("requested_by")
        let program = try ExecProgram(in: json)
        let source: String? = try json.optional("copy_from", atMost: ProcessOverride.maximumTextBytes)
        let target: String? = try json.optional("copy_to", atMost: ProcessOverride.maximumTextBytes)
        switch (program, source, target) {
        case (let program?, nil, nil): self.work = .run(program)
        case (nil, let path?, nil): self.work = .copyFrom(path: try Self.absolute(path, "copy_from"))
        case (nil, nil, let path?): self.work = .copyTo(path: try Self.absolute(path, "copy_to"))
        default: throw MessageError(path: [.key("command")], expected: "one of command, copy_from and copy_to", found: "none or several")
        }
    }

    private static func absolute(_ path: String, _ key: String) throws(MessageError) -> String {
        guard path.hasPrefix("/"), !path.utf8.contains(0) else {
            throw MessageError(path: [.key(key)], expected: "an absolute path in the container", found: MessageError.excerpt(path))
        }
        return path
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.field("backend", self.backend)
            $0.field("exec", self.exec)
            switch self.work {
            case .run(let program): program.write(to: &$0)
            case .copyFrom(let path): $0.field("copy_from", path)
            case .copyTo(let path): $0.field("copy_to", path)
            }
            $0.fieldIfPresent("requested_by", self.requestedBy)
        }
    }
}

extension ExecProgram {
    /// Nil if there is no command.
    init?(in json: JSONNode) throws(MessageError) {
        guard let command: [String] = try json.optional("command") else { return nil }
        self.command = command
        let rows: UInt16? = try json.optional("rows")
        let columns: UInt16? = try json.optional("columns")
        if let rows, let columns { self.terminal = TerminalSize(rows: rows, columns: columns) }
        var process = ProcessOverride(command: command)
        process.user = try json.optional("user", atMost: ProcessOverride.maximumTextBytes)
        process.workingDirectory = try json.optional("working_dir", atMost: ProcessOverride.maximumTextBytes)
        try process.check()
        self.user = process.user
        self.workingDirectory = process.workingDirectory
    }

    func write(to object: inout JSONWriter.Object) {
        object.field("command", self.command)
        object.fieldIfPresent("rows", self.terminal?.rows)
        object.fieldIfPresent("columns", self.terminal?.columns)
        object.fieldIfPresent("user", self.user)
        object.fieldIfPresent("working_dir", self.workingDirectory)
    }
}
