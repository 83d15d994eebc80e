import NIOCore
import NIOHTTP1

/// One call of the Engine API, before a version and a connection are chosen for it.
struct EngineRequest: Sendable {
    /// What the call is about; the same status means different things for each.
    enum Subject: Sendable {
        case daemon
        /// An existing container.
        case container
        /// An existing container that is to be started.
        case start
        /// A container to be created.
        case creation
        /// An image on this machine.
        case image
        /// An image in a registry.
        case registry
    }

    var method: HTTPMethod = .GET
    /// Below the version: `/containers/create`. Already fit for a URL.
    var path: String
    /// Values are encoded when the URL is made.
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    /// JSON, sent with its content type.
    var body: ByteBuffer?
    var subject: Subject
    /// For error messages: `inspect container plane-b7f3`.
    var attempt: String
    var limit: CallLimit = .prompt

    /// Path and query below the version.
    var target: String {
        guard !self.query.isEmpty else { return self.path }
        return self.path + "?" + self.query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
    }
}
