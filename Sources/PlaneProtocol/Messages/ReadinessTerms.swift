/// When one backend counts as ready, if not as in the drone's configuration. An addition to 0.3.24.
package struct ReadinessTerms: Hashable, Sendable {
    /// How long it may take from the container's start to its first answer; the drone's `agent.ready_timeout_secs` if nil.
    package var timeout: WireSeconds?
    /// The path that is requested; `/` if nil.
    package var path: String?
    /// The status that the answer must have; any if nil.
    package var status: UInt16?

    /// The longest path in bytes: some servers accept no request line longer than 8 KiB, and a probe needs no longer path than this.
    package static let maximumPathBytes = 1024

    package init(timeout: WireSeconds? = nil, path: String? = nil, status: UInt16? = nil) {
        self.timeout = timeout
        self.path = path
        self.status = status
    }

    init(in json: JSONNode) throws(MessageError) {
        self.timeout = try json.optional("ready_timeout_secs")
        self.path = try json.optional("ready_path", atMost: Self.maximumPathBytes)
        self.status = try json.optional("ready_status")
        guard self.timeout?.rawValue != 0 else {
            throw MessageError(path: [.key("ready_timeout_secs")], expected: "at least 1 s", found: "0")
        }
        if let path = self.path, !Self.isPath(path) {
            throw MessageError(
                path: [.key("ready_path")], expected: "printable ASCII without space and #, from the first slash of a URL on",
                found: MessageError.excerpt(path))
        }
        if let status = self.status, !(200...599).contains(status) {
            throw MessageError(path: [.key("ready_status")], expected: "a final HTTP status from 200 to 599", found: "\(status)")
        }
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("ready_timeout_secs", self.timeout)
        object.fieldIfPresent("ready_path", self.path)
        object.fieldIfPresent("ready_status", self.status)
    }

    /// Whether the text can be part of a request line as it is (RFC 9112 §3.2.1).
    private static func isPath(_ text: String) -> Bool {
        text.utf8.first == UInt8(ascii: "/") && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }
    }
}
