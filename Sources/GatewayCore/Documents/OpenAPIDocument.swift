import PlaneProtocol

/// Describes the interface in OpenAPI 3.1, made from the table of routes.
package enum OpenAPIDocument {
    /// The description of one route, apart from its path.
    struct Operation: Sendable {
        enum Answer: Sendable {
            case json(String)
            case events
            case empty
        }

        let id: String
        let summary: String
        var query: [(name: String, description: String)] = []
        var headers: [(name: String, description: String)] = []
        /// The schema of the body.
        var body: String?
        var answer: Answer
        var status = 200
        /// Statuses of refusals, in addition to 401, 403 and 429 of everything below `/ctrl`.
        var failures: [Int] = []
    }

    package static let bytes = OpenAPIDocument.make()

    private static func make() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { document in
            document.field("openapi", "3.1.0")
            document.object("info") {
                $0.field("title", "Plane gateway")
                $0.field("version", "1")
                $0.field(
                    "description",
                    "Session backends for applications: connect, follow, end them. Paths below /pub are for browsers, those below /ctrl for applications.")
            }
            document.object("paths") { paths in
                for pattern in self.patterns {
                    paths.object(pattern) { path in
                        for entry in RouteTable.entries where entry.pattern == pattern && !entry.isPage {
                            guard let operation = self.operation(of: entry) else { continue }
                            path.object(entry.method.lowercased()) { self.write(operation, of: entry, to: &$0) }
                        }
                    }
                }
            }
            document.object("components") {
                $0.field("schemas", RawJSON(text: OpenAPISchemas.text))
                $0.object("securitySchemes") {
                    $0.object("token") {
                        $0.field("type", "http"); $0.field("scheme", "bearer")
                    }
                }
            }
        }
        return writer.bytes
    }

    /// The paths, in the order of the table.
    private static var patterns: [String] {
        var seen: Set<String> = []
        return RouteTable.entries.filter { !$0.isPage && seen.insert($0.pattern).inserted }.map(\.pattern)
    }

    private static func write(_ operation: Operation, of entry: RouteTable.Entry, to json: inout JSONWriter.Object) {
        let names = entry.segments.compactMap { segment in if case .name(let name) = segment { name } else { nil } }
        // Aliases, and the paths for sockets, are described by the same operation, so their ids need a suffix.
        let suffix = entry.isAlias || operation.status == 501 ? "_at_\(entry.pattern.filter { $0.isLetter || $0 == "/" }.replacing("/", with: "_"))" : ""
        json.field("operationId", operation.id + suffix)
        json.field("summary", operation.summary + (entry.isAlias ? " (another path for it)" : ""))
        if entry.pattern.hasPrefix("/ctrl") { json.field("security", [["token": [String]()], [:]]) }
        json.field(
            "parameters",
            names.map { Parameter(name: $0, place: "path", description: "The \($0)'s name.") }
                + operation.query.map { Parameter(name: $0.name, place: "query", description: $0.description) }
                + operation.headers.map { Parameter(name: $0.name, place: "header", description: $0.description) })
        if let body = operation.body {
            json.object("requestBody") {
                $0.field("required", true)
                $0.object("content") { $0.object("application/json") { $0.object("schema") { $0.field("$ref", "#/components/schemas/\(body)") } } }
            }
        }
        json.object("responses") { responses in
            responses.object("\(operation.status)") { self.write(operation.answer, to: &$0) }
            let everywhere = entry.pattern.hasPrefix("/ctrl") ? [401, 403, 429] : []
            for status in Set(operation.failures + everywhere).sorted() {
                responses.object("\(status)") {
                    $0.field("description", "Refused.")
                    $0.object("content") {
                        if [400, 404, 409, 500].contains(status) {
                            $0.object("application/json") { $0.object("schema") { $0.field("$ref", "#/components/schemas/Error") } }
                        }
                        if ![404, 409, 500].contains(status) { $0.object("text/plain") { $0.object("schema") { $0.field("type", "string") } } }
                    }
                }
            }
        }
    }

    private static func write(_ answer: Operation.Answer, to json: inout JSONWriter.Object) {
        switch answer {
        case .json(let schema):
            json.field("description", "Done.")
            json.object("content") { $0.object("application/json") { $0.object("schema") { $0.field("$ref", "#/components/schemas/\(schema)") } } }
        case .events:
            json.field("description", "A stream of events.")
            json.object("content") { $0.object("text/event-stream") { $0.object("schema") { $0.field("type", "string") } } }
        case .empty: json.field("description", "A text.")
        }
    }

    private struct Parameter: JSONEncodable {
        let name: String
        let place: String
        let description: String

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("name", self.name)
                $0.field("in", self.place)
                $0.field("required", self.place == "path")
                $0.field("description", self.description)
                $0.object("schema") { $0.field("type", "string") }
            }
        }
    }

    private struct RawJSON: JSONEncodable {
        let text: String
        func write(to json: inout JSONWriter) { json.literal(self.text) }
    }

    /// Nil for a route without a description; a test checks that there is none.
    static func operation(of entry: RouteTable.Entry) -> Operation? {
        let names = Dictionary(
            entry.segments.compactMap { segment -> (String, String)? in if case .name(let name) = segment { (name, "a") } else { nil } }
        ) { $1 }
        return self.operation(of: entry.make(RouteTable.Names(values: names)))
    }

    private static func operation(of route: Route) -> Operation? {
        switch route {
        case .health: Operation(id: "health", summary: "Whether the gateway knows the state of the fleet.", answer: .json("Health"), failures: [500])
        case .status: Operation(id: "status", summary: "The present status of a backend.", answer: .json("Status"), failures: [404, 500])
        case .statusStream:
            Operation(
                id: "statusStream", summary: "Every status of a backend, those that were and those to come, to its end; 204 after that.",
                headers: [("Last-Event-ID", "The status seen last; only later ones are sent.")], answer: .events, failures: [404, 500])
        case .controllerStatus: Operation(id: "controllerStatus", summary: "The gateway's version.", answer: .json("ControllerStatus"), failures: [500])
        case .connect:
            Operation(
                id: "connect", summary: "The backend of a key, or a new one, with a token for one visitor.",
                query: [("wait", "ready: answer when the backend is ready or has ended."), ("wait_secs", "Longest wait, 1 to 300, otherwise 30.")],
                headers: [("Idempotency-Key", "Repetitions with the same text lead to the same backend.")], body: "ConnectRequest",
                answer: .json("ConnectResponse"), failures: [400, 408, 409, 413, 415, 422, 500])
        case .terminate(_, let kind):
            Operation(
                id: kind == .soft ? "softTerminate" : "hardTerminate",
                summary: kind == .soft ? "Asks a backend's process to end." : "Kills a backend's process.", answer: .json("Null"), failures: [404, 500])
        case .revoke(let answersNull):
            Operation(
                id: "revoke", summary: "Ends all tokens of one user for one backend.", body: "RevokeRequest", answer: .json(answersNull ? "Null" : "Text"),
                failures: [400, 408, 413, 415, 422, 500])
        case .revocations:
            Operation(
                id: "revocations", summary: "Ends tokens, and what is open with them: one, or all of a user, a key or a backend. Says what was ended.",
                body: "RevocationRequest", answer: .json("RevocationOutcome"), failures: [400, 404, 408, 413, 415, 422, 500])
        case .tokenKeys:
            Operation(id: "tokenKeys", summary: "The public keys of signed tokens, as a JSON Web Key Set (RFC 7517).", answer: .json("TokenKeys"))
        case .drain: Operation(id: "drain", summary: "A drone takes no more backends.", answer: .json("Updated"), failures: [404, 500])
        case .undrain: Operation(id: "undrain", summary: "A drone takes backends again.", answer: .json("Updated"), failures: [404, 500])
        case .clusterState: Operation(id: "clusterState", summary: "The nodes of a cluster.", answer: .json("ClusterState"), failures: [500])
        case .nodeSocket: Operation(id: "nodeSocket", summary: "Not served: nodes speak NATS.", answer: .empty, status: 501)
        case .listBackends:
            Operation(
                id: "listBackends", summary: "Backends in the order of their ids.",
                query: [
                    ("cluster", "Only of this cluster."), ("drone", "Only on this drone."), ("status", "Only with these statuses, with commas between them."),
                    ("key", "Only with this key."), ("namespace", "Of the key."), ("lock", "Only with this lock."), ("prefix", "Only ids that begin so."),
                    ("user", "Only those that the user of exactly this name was given tokens for."),
                    ("ended", "true: those that have ended too."), ("limit", "At most so many, 1 to 1000, otherwise 100."),
                    ("after", "Only ids behind this one: what next said on the page before."),
                ], answer: .json("BackendPage"), failures: [422, 500])
        case .backend: Operation(id: "backend", summary: "Everything that is known of a backend.", answer: .json("Backend"), failures: [404, 500])
        case .logs:
            Operation(
                id: "logs", summary: "The newest lines of a backend's log.", query: [("tail", "At most so many, 1 to 500, otherwise 100.")],
                answer: .json("Logs"), failures: [404, 422, 500])
        case .logStream:
            Operation(
                id: "logStream", summary: "A backend's log, what is kept and what comes, to its end.",
                headers: [("Last-Event-ID", "The id of the line seen last; only later ones are sent.")], answer: .events, failures: [404, 500])
        case .metrics: Operation(id: "metrics", summary: "The next measurement of a backend.", answer: .json("Metrics"), failures: [404, 500])
        case .events: Operation(id: "events", summary: "Every status of a cluster's backends from now on.", answer: .events, failures: [422, 500])
        case .openAPI: Operation(id: "openapi", summary: "This description.", answer: .json("Description"))
        case .page, .pageStyle, .pageScript, .pageEvents, .pageBackend, .pageTerminate, .pageDrain, .pageLogin, .pageLogout: nil
        }
    }
}
