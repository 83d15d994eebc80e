import GatewayCore
import JSONValues
import PlaneProtocol
import Testing

@Suite struct RouteTableTests {
    private func route(_ method: String, _ path: String) -> Route? {
        guard case .route(let route) = RouteTable.match(method: method, path: path) else { return nil }
        return route
    }

    @Test("every path of Plane 0.5, and those that its clients use besides, leads where it should")
    func paths() throws {
        let backend = BackendID(rawValue: "b1")
        let (cluster, drone) = (ClusterName(rawValue: "c.test"), DroneID(rawValue: "d1"))
        #expect(self.route("GET", "/pub/health") == .health)
        #expect(self.route("HEAD", "/pub/health") == .health)
        for path in ["/pub/b/b1/status", "/pub/c/c.test/b/b1/status"] { #expect(self.route("GET", path) == .status(backend)) }
        for path in ["/pub/b/b1/status-stream", "/pub/b/b1/status/stream", "/pub/c/c.test/b/b1/status-stream"] {
            #expect(self.route("GET", path) == .statusStream(backend))
        }
        #expect(self.route("GET", "/ctrl/status") == .controllerStatus)
        #expect(self.route("POST", "/ctrl/connect") == .connect)
        #expect(self.route("POST", "/ctrl/b/b1/soft-terminate") == .terminate(backend, .soft))
        #expect(self.route("POST", "/ctrl/c/c.test/b/b1/hard-terminate") == .terminate(backend, .hard))
        #expect(self.route("POST", "/ctrl/b/revoke") == .revoke(answersNull: false))
        #expect(self.route("POST", "/ctrl/revoke") == .revoke(answersNull: true))
        #expect(self.route("POST", "/ctrl/c/c.test/d/d1/drain") == .drain(cluster, drone))
        #expect(self.route("DELETE", "/ctrl/c/c.test/d/d1/drain") == .undrain(cluster, drone))
        #expect(self.route("GET", "/ctrl/c/c.test/state") == .clusterState(cluster))
        #expect(self.route("GET", "/ctrl/c/localhost%3A9090/state") == .clusterState(ClusterName(rawValue: "localhost:9090")))
        #expect(self.route("GET", "/ctrl/dns-socket") == .nodeSocket)
        #expect(self.route("GET", "/") == .page)
    }

    @Test("a name that cannot be one leads to nothing that exists")
    func badName() {
        #expect(self.route("GET", "/pub/b/B_1/status") == .status(nil))
    }

    @Test(
        "no way of writing a path leads from /pub into /ctrl, and nothing is normalised",
        arguments: [
            "/pub/../ctrl/status", "//ctrl/status", "/pub/%2e%2e/ctrl/status", "/pub//health", "/pub/health/", "/ctrl/status/", "/./ctrl/status",
            "/pub%2Fhealth",
            "/PUB/health", "/pub/b//status", "pub/health", "", "*", "/pub/b/%zz/status", "/pub/b/%ff/status", "/pub/..%2fctrl/status",
            "/pub/b/b1/status;/../../ctrl",
            "http://x/ctrl/status", "/%63trl/status", "/ctrl/%73tatus", "/%70age/style.css", "/%70ub/health", "/ctrl/c/c.test/%64/d1/drain",
        ])
    func odd(path: String) {
        #expect(RouteTable.match(method: "GET", path: path) == .notFound)
    }

    @Test("no letter of a path that is not of a name may be escaped, so that who may ask can be judged by how a path begins")
    func escaped() {
        for entry in RouteTable.entries where entry.pattern != "/" {
            let parts = entry.pattern.dropFirst().split(separator: "/").map { $0.hasPrefix("{") ? "n" : String($0) }
            for (index, pattern) in entry.pattern.dropFirst().split(separator: "/").enumerated() where !pattern.hasPrefix("{") {
                var written = parts
                written[index] = "%" + String(pattern.utf8.first ?? 0, radix: 16) + pattern.dropFirst()
                let path = "/" + written.joined(separator: "/")
                // As a name of an entry beside it, such a part is a name and nothing else.
                switch RouteTable.match(method: entry.method, path: path) {
                case .notFound, .methodNotAllowed: break
                case .route(let route): #expect(route.name != self.route(entry.method, "/" + parts.joined(separator: "/"))?.name, "\(path)")
                }
            }
        }
    }

    @Test("another method is told which ones there are")
    func methods() {
        #expect(RouteTable.match(method: "GET", path: "/ctrl/connect") == .methodNotAllowed(["POST"]))
        #expect(RouteTable.match(method: "OPTIONS", path: "/ctrl/connect") == .methodNotAllowed(["POST"]))
        #expect(RouteTable.match(method: "PUT", path: "/pub/health") == .methodNotAllowed(["GET", "HEAD"]))
        #expect(RouteTable.match(method: "GET", path: "/ctrl/c/c.test/d/d1/drain") == .methodNotAllowed(["POST", "DELETE"]))
    }

    @Test("the description knows every route but the page's, with every name in its path, and its references lead somewhere")
    func description() throws {
        let document = try WireCodec.decode(JSONValue.self, from: OpenAPIDocument.bytes)
        let paths = try #require(document["paths"]?.members)
        for entry in RouteTable.entries where !entry.isPage {
            let operation = try #require(paths[entry.pattern]?[entry.method.lowercased()], "\(entry.method) \(entry.pattern)")
            let names = entry.pattern.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            guard case .array(let parameters)? = operation["parameters"] else { throw NotDescribed(entry: entry.pattern) }
            #expect(parameters.filter { $0["in"] == .string("path") }.compactMap { $0["name"] } == names.map { .string($0) })
        }
        #expect(Set(paths.keys) == Set(RouteTable.entries.filter { !$0.isPage }.map(\.pattern)))
        let schemas = try #require(document["components"]?["schemas"]?.members)
        let text = String(decoding: OpenAPIDocument.bytes, as: UTF8.self)
        for reference in text.matches(of: #/#\/components\/schemas\/([A-Za-z]+)/#) { #expect(schemas[String(reference.output.1)] != nil) }
        var ids: [JSONValue] = []
        for path in paths.values { for operation in path.members?.values ?? [:].values { if let id = operation["operationId"] { ids.append(id) } } }
        #expect(Set(ids).count == ids.count)
    }

    private struct NotDescribed: Error { let entry: String }
}

extension JSONValue {
    fileprivate var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
    fileprivate subscript(key: String) -> JSONValue? { self.members?[key] }
}
