import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Creating, starting, stopping and removing containers. Calls are idempotent where Docker is: starting a running container succeeds, and so does stopping
/// one that does not run.
extension DockerClient {
    /// Creates a container without starting it.
    /// - Throws: `noSuchImage`, `nameConflict` or `badRequest` among others.
    package func createContainer(_ spec: ContainerSpec, name: ContainerID) async throws(EngineError) -> ContainerID {
        struct Reply: Decodable {
            enum CodingKeys: String, CodingKey { case id = "Id" }
            var id: ContainerID
        }
        let attempt = "create container \(name) of image \(spec.image)"
        let body: ByteBuffer
        do {
            body = ByteBuffer(bytes: try JSONEncoder().encode(CreateContainerBody(spec)))
        } catch {
            throw EngineError(.badRequest, attempt: attempt, cause: error)
        }
        let request = EngineRequest(
            method: .POST, path: "/containers/create", query: [("name", name.rawValue)], body: body, subject: .creation,
            attempt: attempt, limit: .start)
        return try await self.decode(Reply.self, from: request).id
    }

    /// Starts a container; does nothing if it runs already.
    /// - Throws: `notStartable` if the fault is in the specification or the image.
    package func start(_ id: ContainerID) async throws(EngineError) {
        var request = Self.request(.POST, id, "start", attempt: "start container \(id)")
        request.subject = .start
        request.limit = .start
        try await self.perform(request)
    }

    /// The largest description of one container in bytes. It contains an environment from the request and the image, and labels from the image.
    private static let inspectionLimit = 8 * 1024 * 1024

    package func inspect(_ id: ContainerID) async throws(EngineError) -> ContainerInspection {
        try await self.decode(
            ContainerInspection.self, from: Self.request(.GET, id, "json", attempt: "inspect container \(id)"), upTo: Self.inspectionLimit)
    }

    /// Asks the container to stop (by its stop signal, normally SIGTERM), kills it after `grace`, and returns when it has ended. Does nothing if it does not
    /// run.
    /// - Parameter grace: rounded up to whole seconds.
    package func stop(_ id: ContainerID, grace: Duration = .seconds(10)) async throws(EngineError) {
        let parts = grace.components
        let seconds = max(0, parts.seconds) + (parts.attoseconds > 0 ? 1 : 0)
        var request = Self.request(.POST, id, "stop", query: [("t", String(seconds))], attempt: "stop container \(id)")
        request.limit = .stop(grace: .seconds(seconds))
        try await self.perform(request)
    }

    /// Sends a signal, by name, to the container's first process.
    /// - Throws: `conflict` if it does not run.
    package func kill(_ id: ContainerID, signal: String = "SIGKILL") async throws(EngineError) {
        try await self.perform(
            Self.request(.POST, id, "kill", query: [("signal", signal)], attempt: "send \(signal) to container \(id)"))
    }

    /// Freezes all processes of the container; does nothing if they are frozen.
    /// - Throws: `conflict` if it does not run.
    package func pause(_ id: ContainerID) async throws(EngineError) {
        do throws(EngineError) {
            try await self.perform(Self.request(.POST, id, "pause", attempt: "freeze container \(id)"))
        } catch {
            guard try await self.inspect(id).state.status == .paused else { throw error }
        }
    }

    /// Lets the processes of the container go on; does nothing if they are not frozen, or if the container does not run.
    package func unpause(_ id: ContainerID) async throws(EngineError) {
        do throws(EngineError) {
            try await self.perform(Self.request(.POST, id, "unpause", attempt: "thaw container \(id)"))
        } catch {
            guard try await self.inspect(id).state.status != .paused else { throw error }
        }
    }

    /// Removes the container and its anonymous volumes.
    /// - Parameter force: whether to kill it first if it runs; without that, a running one is a `conflict`.
    package func remove(_ id: ContainerID, force: Bool = false) async throws(EngineError) {
        var request = Self.request(
            .DELETE, id, nil, query: [("force", String(force)), ("v", "true")], attempt: "remove container \(id)")
        // Deleting a large writable layer takes as long as the disk needs.
        request.limit = .start
        try await self.perform(request)
    }

    /// All containers, running or not, which carry the label.
    /// - Parameter label: `key`, or `key=value`.
    package func list(label: String) async throws(EngineError) -> [ContainerSummary] {
        do {
            return try await self.decode([ContainerSummary].self, from: Self.listRequest(["label": [label]]))
        } catch where error.code == .replyTooLarge {
            // A list contains all labels of the containers, and an image may have many.
            return try await self.listInPages(label: label)
        }
    }

    /// The number of containers on a page. Even containers with the most labels that are left running fit.
    private static let pageLength = 16

    /// Lists containers from the newest to the oldest. Containers that are made meanwhile are not in it.
    private func listInPages(label: String) async throws(EngineError) -> [ContainerSummary] {
        var containers: [ContainerSummary] = []
        while true {
            var filters = ["label": [label]]
            if let last = containers.last { filters["before"] = [last.id.rawValue] }
            let page: [ContainerSummary]
            do {
                page = try await self.decode([ContainerSummary].self, from: Self.listRequest(filters, limit: Self.pageLength))
            } catch where error.code == .noSuchContainer || error.code == .badRequest {
                // The last container of the page before is gone. The caller has to begin again, at another time.
                throw EngineError(.conflict, attempt: error.attempt, cause: error)
            }
            containers += page
            if page.count < Self.pageLength { return containers }
        }
    }

    private static func listRequest(_ filters: [String: [String]], limit: Int? = nil) -> EngineRequest {
        var query = [("all", "true"), ("filters", EngineFilter.encode(filters))]
        if let limit { query.append(("limit", String(limit))) }
        return EngineRequest(
            path: "/containers/json", query: query, subject: .daemon,
            attempt: "list the containers with label \(filters["label", default: []].joined(separator: ", "))")
    }

    /// Returns when the container does not run any more; at once if it does not run now.
    package func wait(_ id: ContainerID) async throws(EngineError) -> ContainerExit {
        var request = Self.request(
            .POST, id, "wait", query: [("condition", "not-running")], attempt: "wait for the end of container \(id)")
        request.limit = .none
        return try await self.decode(ContainerExit.self, from: request)
    }

    /// A request about an existing container.
    static func request(
        _ method: HTTPMethod, _ id: ContainerID, _ verb: String?, query: [(name: String, value: String)] = [],
        attempt: String
    ) -> EngineRequest {
        EngineRequest(
            method: method, path: "/containers/\(id.rawValue)" + (verb.map { "/\($0)" } ?? ""), query: query,
            subject: .container, attempt: attempt)
    }
}
