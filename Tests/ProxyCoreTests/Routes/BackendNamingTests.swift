import Testing

@testable import DroneProxyPolicy
@testable import ProxyCore

@Suite("Naming the backend")
struct BackendNamingTests {
    private struct Found: Equatable {
        var name: String
        var path: String
    }

    private static func name(_ path: String, host: String, byPath: Bool = false, cluster: String = "Plane.test") throws -> Found? {
        let text = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
        let bytes = Array(text.utf8)
        let head = try Translation.readRequest(bytes).head
        guard let name = BackendNaming(clusterName: cluster, allowsPath: byPath).name(head, bytes.span) else { return nil }
        return Found(
            name: String(decoding: bytes[name.name], as: UTF8.self), path: String(decoding: bytes[name.path], as: UTF8.self))
    }

    @Test(
        "by host name, in any case and with any port",
        arguments: [("b-1.plane.test", "b-1"), ("B-1.PLANE.TEST:8080", "B-1"), ("a.b.plane.test", "a.b")])
    func byHost(host: String, name: String) throws {
        #expect(try Self.name("/x", host: host) == Found(name: name, path: "/x"))
    }

    @Test(
        "other hosts name nothing",
        arguments: ["plane.test", ".plane.test", "bplane.test", "b.plane.test.", "b.plane.test.evil", "[::1]", "127.0.0.1", "b.other"])
    func otherHosts(host: String) throws {
        #expect(try Self.name("/", host: host) == nil)
    }

    @Test(
        "P11: by path, with or without a slash behind the name",
        arguments: [
            ("/_plane_backend=b-1/x/y?z", "b-1", "/x/y?z"), ("/_plane_backend=b-1?x=1", "b-1", "?x=1"),
            ("/_plane_backend=b-1?x=/1", "b-1", "?x=/1"), ("/_plane_backend=b-1", "b-1", ""), ("/_plane_backend=B/", "B", "/"),
        ])
    func byPath(path: String, name: String, rest: String) throws {
        #expect(try Self.name(path, host: "localhost", byPath: true) == Found(name: name, path: rest))
    }

    @Test("P11: a host name still works where paths do")
    func both() throws {
        #expect(try Self.name("/x", host: "b-1.plane.test", byPath: true) == Found(name: "b-1", path: "/x"))
    }

    @Test(
        "on a host below the cluster's domain no path leads to another backend, and none of its odd spellings makes it another host",
        arguments: ["b-1.plane.test", "B-1.PLANE.TEST:8080", "b-1.plane.test.", "b-1.plane.test..", "a.b.plane.test", ".plane.test", "b_1.plane.test:"])
    func noPathBelowCluster(host: String) throws {
        let found = try Self.name("/_plane_backend=evil/x", host: host, byPath: true)
        #expect(found?.name != "evil")
        #expect(found?.path != "/x")
    }

    @Test(
        "by path, hosts that only look like the cluster's are others", arguments: ["plane.test", "xplane.test", "b.plane.test.other", "127.0.0.1", "[::1]:80"])
    func pathBesideCluster(host: String) throws {
        #expect(try Self.name("/_plane_backend=b-1/x", host: host, byPath: true) == Found(name: "b-1", path: "/x"))
    }

    @Test("a cluster named with the port of its visitors is found by host name, whatever the port", arguments: ["localhost:8322", "localhost", "localhost:1"])
    func clusterWithPort(host: String) throws {
        #expect(try Self.name("/x", host: "b-1.\(host)", cluster: "localhost:8322") == Found(name: "b-1", path: "/x"))
    }

    @Test(
        "a path that names nothing, or is not allowed to, is none",
        arguments: [("/_plane_backend=", true), ("/_plane_backend=/x", true), ("/_plane_backend=a%20b/", true), ("/_plane_backend=b-1/", false)])
    func noPath(path: String, allowed: Bool) throws {
        #expect(try Self.name(path, host: "localhost", byPath: allowed) == nil)
    }
}
