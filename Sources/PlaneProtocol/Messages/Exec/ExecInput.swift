/// The next bytes for the standard input of a program begun by an `ExecRequest`, or the new size of its terminal. An addition to 0.3.24.
///
/// The agent accepts as much as it has room for, and answers how far it is. A message may be repeated: bytes that were accepted before are skipped.
package struct ExecInput: Hashable, Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    package var exec: ExecID
    /// How many bytes of the input precede these.
    package var offset: UInt64
    package var data: Base64Text
    /// Whether the input ends after these bytes.
    package var isLast: Bool
    package var terminal: TerminalSize?

    /// The most bytes of one message: in base64 that is well below the 1 MiB of a NATS message.
    package static let largestData = 128 * 1024

    package init(
        cluster: ClusterName, drone: DroneID, exec: ExecID, offset: UInt64, data: Base64Text = Base64Text([]), isLast: Bool = false,
        terminal: TerminalSize? = nil
    ) {
        self.cluster = cluster
        self.drone = drone
        self.exec = exec
        self.offset = offset
        self.data = data
        self.isLast = isLast
        self.terminal = terminal
    }
}

/// The answer to an `ExecInput`.
package struct ExecInputTaken: Hashable, Sendable {
    /// How many bytes of the input have been accepted since its beginning.
    package var taken: UInt64

    package init(taken: UInt64) { self.taken = taken }
}

extension ExecInput: PlaneRequest {
    package typealias Reply = ExecInputTaken

    package static let subscription = "cluster.*.drone.*.exec.input"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String { "cluster.\(cluster.subjectToken).drone.\(drone).exec.input" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.exec = try json.required("exec")
        self.offset = try json.required("offset")
        self.data = try json.optional("data") ?? Base64Text([])
        self.isLast = try json.optional("last") ?? false
        let rows: UInt16? = try json.optional("rows")
        let columns: UInt16? = try json.optional("columns")
        if let rows, let columns { self.terminal = TerminalSize(rows: rows, columns: columns) }
        guard self.data.bytes.count <= Self.largestData else {
            throw MessageError(path: [.key("data")], expected: "at most \(Self.largestData) bytes", found: "\(self.data.bytes.count)")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.field("exec", self.exec)
            $0.field("offset", self.offset)
            $0.fieldIfPresent("data", self.data.bytes.isEmpty ? nil : self.data)
            $0.fieldIfPresent("last", self.isLast ? true : nil)
            $0.fieldIfPresent("rows", self.terminal?.rows)
            $0.fieldIfPresent("columns", self.terminal?.columns)
        }
    }
}

extension ExecInputTaken: JSONCodable {
    package init(json: JSONNode) throws(MessageError) { self.taken = try json.required("taken") }

    package func write(to json: inout JSONWriter) { json.object { $0.field("taken", self.taken) } }
}
