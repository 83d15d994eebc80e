import Testing

@testable import PlaneProtocol

@Suite("Identifiers")
struct IdentifierTests {
    @Test(
        "a lock's hash is the one every member of a fleet computes",
        arguments: [
            ("", 3_476_900_567_878_811_119), ("a", 8_186_225_505_942_432_243), ("foobar", 13_402_334_684_424_448_340),
            ("mylock", 4_894_328_672_508_452_658), ("speedlock", 7_680_825_846_127_498_826),
            ("user-42/document-7", 9_522_140_003_772_824_833), ("h\u{E9}llo", 16_660_529_101_961_148_543),
            (String(repeating: "x", count: 2048), 1_326_144_141_097_612_308),
        ] as [(String, UInt64)])
    func lockHash(lock: String, hash: UInt64) throws {
        #expect(try #require(LockName(rawValue: lock)).subjectHash == hash)
    }

    @Test("locks are compared by their bytes, because their hashes are")
    func lockEquality() {
        let composed: LockName = "h\u{E9}llo"
        let decomposed: LockName = "he\u{301}llo"
        #expect(composed.rawValue == decomposed.rawValue)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, "h\u{E9}llo"]).count == 2)
    }

    @Test(
        "a backend id is one DNS label in lower case",
        arguments: [
            ("a", true), ("0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10", true), ("7", true), (String(repeating: "a", count: 63), true),
            (String(repeating: "a", count: 64), false), ("", false), ("-a", false), ("a-", false), ("A", false), ("a.b", false),
            ("a_b", false), ("a b", false), ("ä", false), ("a*", false), (">", false), ("a\0", false), ("a\n", false),
        ])
    func backendID(text: String, isValid: Bool) {
        #expect((BackendID(rawValue: text) != nil) == isValid)
    }

    @Test(
        "a drone id is one subject token",
        arguments: [
            ("drone-a", true), ("Drone_7", true), ("10-0-0-1", true), (String(repeating: "a", count: 254), false), ("", false),
            ("a.b", false), ("*", false), ("a>", false), ("a b", false), ("a\t", false), ("a\r\n", false), ("ä", false), ("a\0", false),
        ])
    func droneID(text: String, isValid: Bool) {
        #expect((DroneID(rawValue: text) != nil) == isValid)
    }

    @Test(
        "a cluster name is a domain, and one subject token when its dots are replaced",
        arguments: [
            ("plane.test", "plane_test"), ("a", "a"), ("A.b-C.d_e", "A_b-C_d_e"), ("localhost:8080", "localhost:8080"), ("", nil), (".", nil),
            ("a..b", nil), (".a", nil), ("a.", nil), ("a b", nil), ("a.*", nil), ("a.>", nil), ("a/b", nil), ("ä.test", nil),
            (String(repeating: "a", count: 254), nil),
        ] as [(String, String?)])
    func clusterName(text: String, token: String?) {
        #expect(ClusterName(rawValue: text)?.subjectToken == token)
    }

    @Test(
        "a cluster's name may end in a port, which is no part of its domain",
        arguments: [
            ("plane.test", "plane.test", nil), ("localhost:8322", "localhost", 8322), ("a.b:1", "a.b", 1), ("a:65536", "a:65536", nil),
            ("a:0", "a:0", nil), ("a:", "a:", nil), ("a:b", "a:b", nil), ("a:80.b", "a:80.b", nil),
        ] as [(String, String, UInt16?)])
    func clusterPort(text: String, domain: String, port: UInt16?) throws {
        let cluster = try #require(ClusterName(rawValue: text))
        #expect(cluster.domain == domain)
        #expect(cluster.port == port)
        #expect(cluster.isDomainWithPort == !domain.contains(":"))
        #expect(try #require(BackendID(rawValue: "b")).hostName(in: cluster) == "b.\(domain)")
    }

    @Test(
        "a backend's URL is that of HTTPS, unless its drone or its cluster's name says otherwise",
        arguments: [
            ("plane.test", PublicEndpoint(), "https://b.plane.test/"), ("localhost:8322", PublicEndpoint(), "https://b.localhost:8322/"),
            ("localhost:8322", PublicEndpoint(scheme: .http), "http://b.localhost:8322/"),
            ("plane.localhost", PublicEndpoint(scheme: .http, port: 8080), "http://b.plane.localhost:8080/"),
            ("plane.test", PublicEndpoint(scheme: .http), "http://b.plane.test/"), ("plane.test", PublicEndpoint(port: 443), "https://b.plane.test/"),
            ("localhost:8322", PublicEndpoint(scheme: .https, port: 8443), "https://b.localhost:8443/"),
        ])
    func urls(cluster: String, endpoint: PublicEndpoint, url: String) throws {
        #expect(endpoint.url(of: try #require(BackendID(rawValue: "b")), in: try #require(ClusterName(rawValue: cluster))) == url)
    }

    @Test("random ids are UUIDs of version 4, and follow from their generator")
    func randomIDs() throws {
        var generator = CountingGenerator()
        let first = BackendID.random(using: &generator)
        #expect(first.rawValue == "00000000-0000-4001-8000-000000000002")
        #expect(DroneID.random(using: &generator).rawValue == "00000000-0000-4003-8000-000000000004")
        #expect(BackendID(rawValue: first.rawValue) == first)
        var system = SystemRandomNumberGenerator()
        let pattern = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        for _ in 0..<100 { #expect(BackendID.random(using: &system).rawValue.wholeMatch(of: pattern) != nil) }
    }

    @Test("our lock uids stay below 2^53, where doubles are exact")
    func lockUIDs() {
        var system = SystemRandomNumberGenerator()
        for _ in 0..<1000 { #expect(LockUID.random(using: &system).rawValue < 1 << 53) }
    }

    @Test("a backend is called plane-<id> in Docker, and found again by that")
    func resourceName() {
        #expect(Sample.backend.resourceName == "plane-0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10")
        #expect(BackendID(resourceName: "plane-abc") == "abc")
        #expect(BackendID(resourceName: "abc") == nil)
        #expect(BackendID(resourceName: "plane-") == nil)
        #expect(BackendID("abc").hostName(in: Sample.cluster) == "abc.plane.test")
    }

    @Test("a secret prints as <redacted>, however it is printed")
    func secret() {
        let request = SpawnRequest(
            cluster: Sample.cluster, droneID: Sample.drone, maxIdle: 1, backendID: Sample.backend,
            executable: DockerExecutableConfig(
                image: "i", env: ["P": "hunter2"], credentials: .usernamePassword(username: "u", password: "hunter2")),
            bearerToken: "hunter2")
        var dumped = ""
        dump(request, to: &dumped)
        for text in ["\(request)", String(describing: request), String(reflecting: request), dumped, "\(Secret("hunter2"))"] {
            #expect(!text.contains("hunter2"))
            #expect(text.contains("<redacted>"))
        }
        #expect(Secret("hunter2").exposed == "hunter2")
    }

    /// 1, 2, 3 …
    private struct CountingGenerator: RandomNumberGenerator {
        private var last: UInt64 = 0

        mutating func next() -> UInt64 {
            self.last += 1
            return self.last
        }
    }
}
