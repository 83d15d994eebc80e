import PlaneProtocol
import TextEncodings

/// Every path of the gateway. Paths are compared segment by segment: what an entry names literally has to be written just so, and percent-escapes are decoded
/// once, in the names of backends, drones and clusters. Nothing is normalized, so a path of one part of the gateway cannot be written so that it leads to
/// another part, or past whoever decides by the beginning of a path.
package enum RouteTable {
    package struct Entry: Sendable {
        package let method: String
        /// The path as in an OpenAPI description: `{backend}` stands for one segment.
        package let pattern: String
        /// Whether this is another way to write the path of another entry.
        package let isAlias: Bool
        /// Whether it belongs to the page and not to the interface for programs.
        package let isPage: Bool
        let segments: [Segment]
        let make: @Sendable (Names) -> Route

        init(_ method: String, _ pattern: String, isAlias: Bool = false, isPage: Bool = false, _ make: @escaping @Sendable (Names) -> Route) {
            self.method = method
            self.pattern = pattern
            self.isAlias = isAlias
            self.isPage = isPage
            self.segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { Segment(String($0)) }
            self.make = make
        }
    }

    enum Segment: Hashable, Sendable {
        case text(String)
        case name(String)

        init(_ text: String) {
            self = text.hasPrefix("{") && text.hasSuffix("}") ? .name(String(text.dropFirst().dropLast())) : .text(text)
        }
    }

    /// The names in a path, by the placeholders of the pattern.
    struct Names: Sendable {
        var values: [String: String] = [:]
        var backend: BackendID? { self.values["backend"].flatMap { BackendID(rawValue: $0) } }
        var drone: DroneID? { self.values["drone"].flatMap { DroneID(rawValue: $0) } }
        var cluster: ClusterName? { self.values["cluster"].flatMap { ClusterName(rawValue: $0) } }
    }

    package enum Match: Hashable, Sendable {
        case route(Route)
        /// The path exists, with these methods.
        case methodNotAllowed([String])
        case notFound
    }

    package static let entries: [Entry] = [
        Entry("GET", "/pub/health") { _ in .health },
        Entry("GET", "/pub/b/{backend}/status") { .status($0.backend) },
        Entry("GET", "/pub/b/{backend}/status-stream") { .statusStream($0.backend) },
        Entry("GET", "/pub/b/{backend}/status/stream", isAlias: true) { .statusStream($0.backend) },
        Entry("GET", "/pub/c/{cluster}/b/{backend}/status", isAlias: true) { .status($0.backend) },
        Entry("GET", "/pub/c/{cluster}/b/{backend}/status-stream", isAlias: true) { .statusStream($0.backend) },
        Entry("GET", "/ctrl/status") { _ in .controllerStatus },
        Entry("POST", "/ctrl/connect") { _ in .connect },
        Entry("POST", "/ctrl/b/{backend}/soft-terminate") { .terminate($0.backend, .soft) },
        Entry("POST", "/ctrl/b/{backend}/hard-terminate") { .terminate($0.backend, .hard) },
        Entry("POST", "/ctrl/c/{cluster}/b/{backend}/soft-terminate", isAlias: true) { .terminate($0.backend, .soft) },
        Entry("POST", "/ctrl/c/{cluster}/b/{backend}/hard-terminate", isAlias: true) { .terminate($0.backend, .hard) },
        Entry("POST", "/ctrl/b/revoke") { _ in .revoke(answersNull: false) },
        Entry("POST", "/ctrl/revoke", isAlias: true) { _ in .revoke(answersNull: true) },
        Entry("POST", "/ctrl/revocations") { _ in .revocations },
        Entry("GET", "/pub/token-keys") { _ in .tokenKeys },
        Entry("POST", "/ctrl/c/{cluster}/d/{drone}/drain") { .drain($0.cluster, $0.drone) },
        Entry("DELETE", "/ctrl/c/{cluster}/d/{drone}/drain") { .undrain($0.cluster, $0.drone) },
        Entry("GET", "/ctrl/c/{cluster}/state") { .clusterState($0.cluster) },
        Entry("GET", "/ctrl/c/{cluster}/events") { .events($0.cluster) },
        Entry("GET", "/ctrl/c/{cluster}/drone-socket") { _ in .nodeSocket },
        Entry("GET", "/ctrl/c/{cluster}/proxy-socket") { _ in .nodeSocket },
        Entry("GET", "/ctrl/dns-socket") { _ in .nodeSocket },
        Entry("GET", "/ctrl/b") { _ in .listBackends },
        Entry("GET", "/ctrl/b/{backend}") { .backend($0.backend) },
        Entry("GET", "/ctrl/b/{backend}/logs") { .logs($0.backend) },
        Entry("GET", "/ctrl/b/{backend}/logs/stream") { .logStream($0.backend) },
        Entry("GET", "/ctrl/b/{backend}/metrics") { .metrics($0.backend) },
        Entry("GET", "/openapi.json") { _ in .openAPI },
        Entry("GET", "/", isPage: true) { _ in .page },
        Entry("GET", "/page/style.css", isPage: true) { _ in .pageStyle },
        Entry("GET", "/page/script.js", isPage: true) { _ in .pageScript },
        Entry("GET", "/page/events", isPage: true) { _ in .pageEvents },
        Entry("GET", "/page/b/{backend}", isPage: true) { .pageBackend($0.backend) },
        Entry("POST", "/page/b/{backend}/terminate", isPage: true) { .pageTerminate($0.backend) },
        Entry("POST", "/page/c/{cluster}/d/{drone}/drain", isPage: true) { .pageDrain($0.cluster, $0.drone) },
        Entry("POST", "/page/login", isPage: true) { _ in .pageLogin },
        Entry("POST", "/page/logout", isPage: true) { _ in .pageLogout },
    ]

    /// The entries by their number of segments, so that a request is compared with few.
    private static let byLength: [[Entry]] = {
        var table: [[Entry]] = []
        for entry in entries {
            while table.count <= entry.segments.count { table.append([]) }
            table[entry.segments.count].append(entry)
        }
        return table
    }()

    /// - Parameter path: as in the request, without the query.
    package static func match(method: String, path: String) -> Match {
        guard path.utf8.first == UInt8(ascii: "/") else { return .notFound }
        let segments = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard segments.count < self.byLength.count else { return .notFound }
        // HEAD is allowed wherever GET is.
        let wanted = method == "HEAD" ? "GET" : method
        var allowed: [String] = []
        for entry in self.byLength[segments.count] {
            guard let names = Self.names(of: segments, in: entry) else { continue }
            if entry.method == wanted { return .route(entry.make(names)) }
            allowed += entry.method == "GET" ? ["GET", "HEAD"] : [entry.method]
        }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(allowed)
    }

    private static func names(of segments: [Substring.UTF8View], in entry: Entry) -> Names? {
        var names = Names()
        for (segment, pattern) in zip(segments, entry.segments) {
            switch pattern {
            case .text(let text): guard segment.elementsEqual(text.utf8) else { return nil }
            case .name(let name):
                // Nil for an invalid escape, or for bytes that are not UTF-8.
                guard let value = PercentEncoding.decode(segment), !value.isEmpty else { return nil }
                names.values[name] = value
            }
        }
        return names
    }
}
