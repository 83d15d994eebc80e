import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import PlaneClient

@Suite("How a person calls a backend", .timeLimit(.minutes(10)))
struct BackendReferenceTests {
    private static let id = "0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10"

    @Test(
        "an id, the beginning of one, a host name and any address of it can be pasted",
        arguments: [
            (id, id, nil), ("0b7f6c1e", "0b7f6c1e", nil), ("0b7f6c1e-", "0b7f6c1e", nil), (id.uppercased(), id, nil),
            ("0b7f6c1e-50c4…", "0b7f6c1e-50c4", nil), ("\(id).plane.test", id, "plane.test"), ("\(id).Plane.Test.", id, "plane.test"),
            ("\(id).plane.localhost:8080", id, "plane.localhost"), ("http://\(id).plane.localhost:8080/", id, "plane.localhost"),
            ("https://\(id).plane.test/a/b?c=d#e", id, "plane.test"), ("https://user@\(id).plane.test", id, "plane.test"),
            ("\(id).plane.test/_plane_auth?token=t", id, "plane.test"), ("wss://\(id).plane.test/socket", id, "plane.test"),
            ("http://127.0.0.1:8080/_plane_backend=\(id)/x", id, nil), ("plane-\(id)", "plane-\(id)", nil),
        ] as [(String, String, String?)])
    func parsed(text: String, id: String, domain: String?) throws {
        let reference = try #require(BackendReference(text))
        #expect(reference.id.rawValue == id)
        #expect(reference.domain == domain)
    }

    @Test("what can be no backend is refused", arguments: ["", "-", "a b", "http://", "https://plane", "b_1", "?x", String(repeating: "a", count: 64)])
    func refused(text: String) {
        #expect(BackendReference(text) == nil)
    }

    private static func find(_ text: String, in cluster: String? = nil, _ client: PlaneClient) async throws -> FoundBackend {
        try await client.find(try #require(BackendReference(text)), in: try cluster.map { try ClusterName.make($0) })
    }

    @Test("a beginning that only one backend has finds it, with its cluster; one that several have finds none of them")
    func prefixes() async throws {
        try await withClient { client, scheduler in
            try await scheduler.write(drone: "drone-a", backends: ["abc-1": .ready, "abc-2": .swept, "b1": .ready, "b10": .ready])
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            #expect(try await Self.find("abc-1", client) == FoundBackend(id: .make("abc-1"), cluster: .make("plane.test")))
            #expect(try await Self.find("b10", client).id.rawValue == "b10")
            #expect(try await Self.find("b1", client) == FoundBackend(id: .make("b1"), cluster: .make("plane.test")))
            #expect(try await Self.find("plane-b1", client).id.rawValue == "b1")
            #expect(try await Self.find("b1.plane.test", client).id.rawValue == "b1")
            let error = await #expect(throws: PlaneError.self) { try await Self.find("abc", client) }
            guard case .ambiguousBackend(let prefix, let backends)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
            #expect(prefix.rawValue == "abc" && backends.map(\.rawValue) == ["abc-1", "abc-2"])
            #expect(try await Self.find("nobody", client) == FoundBackend(id: .make("nobody"), cluster: nil))
        }
    }

    @Test("a host name or a cluster that does not fit is no backend")
    func otherCluster() async throws {
        try await withClient { client, scheduler in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            try await scheduler.publish(try .make(.ready, backend: "b1"))
            await #expect(throws: PlaneError.self) { try await Self.find("b1.other.test", client) }
            await #expect(throws: PlaneError.self) { try await Self.find("b1", in: "other.test", client) }
            #expect(try await Self.find("b1", in: "plane.test", client).id.rawValue == "b1")
        }
    }
}
