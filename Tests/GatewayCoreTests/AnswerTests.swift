import GatewayCore
import NetworkAddresses
import PlaneProtocol
import PlaneState
import Testing

@Suite struct AnswerTests {
    @Test("an answer to connect has every key, with null for what there is not")
    func connectResponse() throws {
        let cluster = try #require(ClusterName(rawValue: "c1.example.com"))
        let backend = try #require(BackendID(rawValue: "k3v9q0a1b2c3d4"))
        var response = ConnectResponse(
            backend: backend, spawned: false, status: .ready, token: "t0ken", url: PublicAddress.ofToken("t0ken", in: cluster, subdomain: nil),
            statusURL: PublicAddress.ofStatus(backend, base: "http://controller:8080"))
        #expect(
            String(decoding: WireCodec.encode(response), as: UTF8.self)
                == #"{"backend_id":"k3v9q0a1b2c3d4","spawned":false,"status":"ready","token":"t0ken","url":"https://c1.example.com/t0ken/","subdomain":null,"secret_token":null,"status_url":"http://controller:8080/pub/b/k3v9q0a1b2c3d4/status","drone":null}"#
        )
        response.ignoredKeys = ["lok"]
        #expect(String(decoding: WireCodec.encode(response), as: UTF8.self).hasSuffix(#","drone":null,"ignored":["lok"]}"#))
    }

    @Test(
        "a URL has the scheme that the cluster's port means",
        arguments: [
            ("c.test", nil, "https://c.test/t/"), ("c.test:443", nil, "https://c.test:443/t/"), ("c.test:8080", nil, "http://c.test:8080/t/"),
            ("c.test", "play", "https://play.c.test/t/"),
        ] as [(String, String?, String)])
    func url(cluster: String, subdomain: String?, url: String) throws {
        let name = try #require(ClusterName(rawValue: cluster))
        #expect(PublicAddress.ofToken("t", in: name, subdomain: subdomain.flatMap { Subdomain(rawValue: $0) }).exposed == url)
    }

    @Test(
        "a base address keeps its path and loses its user and its last slash",
        arguments: [
            ("http://a:8080", "http://a:8080"), ("https://u:p@a/x/", "https://a/x"), ("http://a/b@c", "http://a/b@c"), ("ftp://a", nil), ("http://", nil),
        ] as [(String, String?)])
    func base(url: String, base: String?) {
        #expect(PublicAddress.base(url) == base)
    }

    @Test("a backend's own address carries its token to the page that takes it")
    func backendURL() throws {
        let (backend, cluster) = (try #require(BackendID(rawValue: "b1")), try #require(ClusterName(rawValue: "c.test")))
        let address = PublicAddress.ofBackend(backend, in: cluster, at: PublicEndpoint(scheme: .http, port: 8080), bearerToken: "abc")
        #expect(address.exposed == "http://b1.c.test:8080/_plane_auth?token=abc")
    }

    @Test("an error object has its three keys, and a word that official clients know", arguments: GatewayError.Kind.allCases)
    func errorObject(kind: GatewayError.Kind) {
        let body = String(decoding: GatewayError(kind).body(id: "a8s7d6f5g4h3j2"), as: UTF8.self)
        #expect(body == #"{"id":"a8s7d6f5g4h3j2","kind":"\#(kind.rawValue)","message":"\#(kind.message)"}"#)
    }

    @Test("a text refusal is a text")
    func text() {
        let failure = GatewayError(status: 415, text: "no")
        #expect(failure.body(id: "x") == Array("no".utf8))
        #expect(failure.contentType.hasPrefix("text/plain"))
    }

    @Test("a made-up name has 14 of a–z and 0–9")
    func names() {
        var generator = SystemRandomNumberGenerator()
        let name = RandomName.text(using: &generator)
        #expect(name.utf8.count == 14 && BackendID(rawValue: name) != nil)
    }

    @Test("a token is 43 characters of base64url, behind s. where it is static; its hash is what streams hold", arguments: [false, true])
    func token(isStatic: Bool) throws {
        var generator = SystemRandomNumberGenerator()
        let token = VisitorToken.random(isStatic: isStatic, using: &generator)
        #expect(token.text.exposed.utf8.count == (isStatic ? 45 : 43))
        #expect(token.isStatic == isStatic)
        #expect(VisitorToken(text: token.text.exposed) == token)
        #expect(token.hash == TokenHash(of: token.text.exposed))
        #expect(TokenHash(of: "abc").rawValue == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test("what no gateway made is no token", arguments: ["", "short", "s.short", String(repeating: "a", count: 44), String(repeating: "=", count: 43)])
    func noToken(text: String) {
        #expect(VisitorToken(text: text) == nil)
    }

    @Test("a recipe becomes a request with the environment that backends rely on, which nothing in the recipe replaces")
    func plan() throws {
        var recipe = SpawnConfig(executable: ExecutableRequest(image: "app"))
        recipe.executable.env = ["PORT": "1", "LOG": "debug", "SESSION_BACKEND_ID": "x"]
        recipe.executable.mount = .ofKey
        recipe.usesStaticToken = true
        let key = try #require(BackendKey(namespace: "games", name: "room-7", tag: "v3"))
        let (backend, cluster) = (try #require(BackendID(rawValue: "b1")), try #require(ClusterName(rawValue: "c.test")))
        var generator = SystemRandomNumberGenerator()
        let token = VisitorToken.random(isStatic: true, using: &generator)
        let request = SpawnPlan(recipe, backend: backend, key: key, in: cluster, staticToken: token, requestedBy: nil).request
        #expect(
            request.executable.env == [
                "PORT": "8080", "LOG": "debug", "SESSION_BACKEND_ID": "b1", "SESSION_BACKEND_KEY": "room-7", "SESSION_BACKEND_STATIC_TOKEN": token.text,
            ])
        #expect(request.lock == key.lock && request.key == key && request.requireBearerToken)
        #expect(request.maxIdle == BackendTerms.endless && request.terms.hasNoIdleLimit && request.terms.staticTokenHash == token.hash)
        #expect(request.executable.dataMount == .key(namespace: "games", name: "room-7"))
        recipe.maxIdle = 60
        #expect(!SpawnPlan(recipe, backend: backend, key: key, in: cluster, staticToken: nil, requestedBy: nil).request.terms.hasNoIdleLimit)
    }

    @Test("the state of a cluster has the nodes that are there, in the shape that official clients read")
    func clusterState() throws {
        let cluster = try #require(ClusterName(rawValue: "c.test"))
        var fleet = FleetState()
        var sequence: UInt64 = 0
        func apply(_ drone: String, _ changes: [DroneMessage.Change]) throws {
            let id = try #require(DroneID(rawValue: drone))
            for change in changes {
                sequence += 1
                fleet.apply(.cluster(cluster, .drone(DroneMessage(drone: id, change: change))), sequence: sequence, published: WireTime(seconds: 0))
            }
        }
        let metadata = DroneMessage.Change.metadata(DroneMetadata(ip: .v4(0x7F00_0001), version: "1"))
        try apply("d1", [metadata, .state(.ready, at: StateTime(milliseconds: 0)), .keepAlive(at: StateTime(milliseconds: 97_000))])
        try apply("d2", [metadata, .state(.draining, at: StateTime(milliseconds: 0)), .keepAlive(at: StateTime(milliseconds: 99_999))])
        try apply("gone", [metadata, .state(.ready, at: StateTime(milliseconds: 0)), .keepAlive(at: StateTime(milliseconds: 1000))])
        try apply("silent", [metadata, .state(.ready, at: StateTime(milliseconds: 0))])
        let proxy = ClusterStateDocument.Proxy(id: try #require(ProxyID(rawValue: "px-1")), version: "2")
        let document = ClusterStateDocument(of: cluster, fleet: fleet, proxies: [proxy], controller: "co-a", now: StateTime(milliseconds: 100_000))
        #expect(
            String(decoding: WireCodec.encode(document), as: UTF8.self)
                == #"{"drones":[{"ready":true,"draining":false,"last_heartbeat_age":3,"backend_count":0,"node":{"name":{"Drone":"d1"},"plane_version":"1","plane_hash":"","controller":"co-a","controller_heartbeat_age":0}},{"ready":false,"draining":true,"last_heartbeat_age":0,"backend_count":0,"node":{"name":{"Drone":"d2"},"plane_version":"1","plane_hash":"","controller":"co-a","controller_heartbeat_age":0}}],"proxies":[{"name":{"Proxy":"px-1"},"plane_version":"2","plane_hash":"","controller":"co-a","controller_heartbeat_age":0}]}"#
        )
    }
}
