import GatewayCore
import GatewayHTTP
import GatewayHTTPConfiguration
import JSONValues
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing
import VisitorTokens

@Suite("Tokens that end, tokens that are signed, and tokens that are revoked")
struct RevocationTests {
    private static let key: Secret = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
    private static let recipe = #""spawn_config":{"executable":{"image":"app"}}"#

    private static func sign(_ configuration: inout GatewayConfiguration) {
        var signed = GatewayConfiguration.SignedTokens(key: self.key)
        signed.lifetime = .seconds(600)
        configuration.signedTokens = signed
    }

    private func claims(_ answer: Answer) throws -> TokenClaims {
        let token = try #require(answer["token"]?.text)
        let key = try #require(TokenSigningKey(Self.key)).publicKey
        let cluster = try #require(ClusterName(rawValue: "plane.test"))
        return try SignedToken.verify(Array(token.utf8), with: [key], for: cluster, at: WireTime.now().seconds)
    }

    @Test("a signed token is made where it is asked for, says how far the stream is, has no secret, and is told with its end; its key is public")
    func signed() async throws {
        try await GatewayFixture.run(configure: Self.sign) { gateway in
            let usual = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},"user":"u1",\#(Self.recipe)}"#)
            #expect(usual["token"]?.text?.utf8.count == 43 && usual["token_expires"] == nil)
            let info = try await gateway.client.bus.connection.jetStream.streamInfo(TokenRecord.stream)
            let answer = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},"user":"u1","auth":{"a":1},"token":{"kind":"signed"}}"#)
            let claims = try self.claims(answer)
            let backend = try #require(answer["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            let token = try #require(answer["token"]?.text)
            #expect(claims.target == .backend(backend))
            #expect(claims.user == "u1" && claims.auth.map { VisitorData.header(of: $0) } == #"{"a":1}"#)
            #expect(claims.expires - claims.issued == 600)
            #expect(claims.generation.map { $0.sequence >= info.lastSequence && $0.stream == StreamIdentity(createdAt: info.created).created } == true)
            #expect(answer["secret_token"] == .null)
            #expect(answer["url"]?.text == "https://plane.test/\(token)/")
            #expect(answer.body.contains("\"token_expires\":\(claims.expires * 1000)"))
            let keys = try await gateway.get("/pub/token-keys")
            #expect(keys["keys"]?.items.first?["x"]?.text == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            let other = try await gateway.post(
                "/ctrl/connect", #"{"key":{"name":"room","namespace":""},"token":{"for":"key","lifetime_seconds":60}}"#)
            let forKey = try self.claims(other)
            let key = try #require(BackendKey(name: "room"))
            #expect(forKey.target == .key(key))
            #expect(forKey.expires - forKey.issued == 60)
        }
    }

    @Test(
        "what cannot be a token is refused before anything is done",
        arguments: [
            (#"{"key":{"name":"room"},\#(Self.recipe),"token":{"kind":"signed","lifetime_seconds":604801}}"#, "token.lifetime_seconds"),
            (#"{"key":{"name":"room"},\#(Self.recipe),"token":{"kind":"other"}}"#, "token.kind"),
            (#"{"key":{"name":"room"},\#(Self.recipe),"token":{"kind":"opaque","for":"key"}}"#, "token.for"),
            (#"{\#(Self.recipe),"token":{"for":"key"}}"#, "token.for"),
            (#"{"key":{"name":"room"},\#(Self.recipe),"token":{"lifetime_seconds":0}}"#, "token.lifetime_seconds"),
            (#"{"key":{"name":"room"},\#(Self.recipe),"user":"\#(String(repeating: "x", count: 5000))","token":{"kind":"signed"}}"#, "auth and user"),
        ])
    func refused(body: String, word: String) async throws {
        try await GatewayFixture.run(configure: Self.sign) { gateway in
            let answer = try await gateway.post("/ctrl/connect", body)
            #expect(answer.status == 422 && answer.body.contains(word), "\(answer.body)")
            #expect(try await gateway.get("/ctrl/b")["backends"]?.items.isEmpty == true)
        }
    }

    @Test("without a key a gateway makes none, and says so")
    func noKey() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},\#(Self.recipe),"token":{"kind":"signed"}}"#)
            #expect(answer.status == 422 && answer.body.contains("gateway.signed_tokens"))
            #expect(try await gateway.get("/pub/token-keys").body == #"{"keys":[]}"#)
        }
    }

    @Test("an opaque token may have an end too, which stands in the stream")
    func end() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},\#(Self.recipe),"token":{"lifetime_seconds":60}}"#)
            let token = try #require(answer["token"]?.text)
            let message = try await gateway.client.bus.connection.jetStream.lastMessage(
                stream: TokenRecord.stream, subject: TokenRecord.subject(of: TokenHash(of: token)))
            let record = try WireCodec.decode(TokenRecord.self, from: try #require(message).payload)
            let expires = try #require(record.expires)
            #expect(expires.seconds - record.issued.seconds == 60 && record.lifetime == 3600)
            #expect(answer.body.contains("\"token_expires\":\(expires.seconds * 1000)"))
        }
    }

    @Test("revoking writes what the tier follows, waits for what the proxies say, and adds it up")
    func outcome() async throws {
        try await GatewayFixture.run(configure: Self.sign) { gateway in
            let connection = gateway.client.bus.connection
            let cluster = try #require(ClusterName(rawValue: "plane.test"))
            let proxies = try ["px-1", "px-2"].map { try #require(ProxyID(rawValue: $0)) }
            // A proxy that says nothing for half a minute is none.
            @Sendable func speak() async throws {
                try await eventually("the gateway knows the proxies") {
                    for proxy in proxies {
                        let status = ProxyStatusMessage(proxy: proxy, cluster: cluster, version: "test", isReady: true)
                        try connection.publish(WireCodec.encode(status), to: status.subject)
                    }
                    return try await gateway.get("/ctrl/c/plane.test/state")["proxies"]?.items.count == 2
                }
            }
            try await speak()
            let consumer = try await connection.jetStream.orderedConsumer(stream: TokenRecord.stream, filter: TokenRevocation.subscription, from: .new)
            let subjects = Recorder<String>()
            let answering = Task {
                for await message in consumer {
                    if !subjects.all.contains(message.subject) { subjects.record(message.subject) }
                    for (index, proxy) in proxies.enumerated() {
                        let report = ProxyRevocationReport(proxy: proxy, cluster: cluster, sequence: message.sequence, ended: UInt64(index + 1))
                        try connection.publish(WireCodec.encode(report), to: report.subject)
                    }
                }
            }
            defer { answering.cancel() }
            let connected = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},"user":"u1",\#(Self.recipe)}"#)
            let (backend, token) = (try #require(connected["backend_id"]?.text), try #require(connected["token"]?.text))
            let signed = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},"token":{"kind":"signed"}}"#)
            let id = try self.claims(signed).id
            let lock = try #require(BackendKey(name: "room")).lock
            for (body, ended) in [
                (#"{"backend_id":"\#(backend)","user":"u1"}"#, 3), (#"{"backend_id":"\#(backend)"}"#, 3), (#"{"token":"\#(token)"}"#, 3),
                (#"{"token":"\#(try #require(signed["token"]?.text))"}"#, 3), (#"{"key":{"name":"room"}}"#, 6), (#"{"user":"u1"}"#, 3),
            ] {
                // Proxies have a second and a half for their answers, which a busy machine may miss.
                try await eventually("what the proxies say of \(body) is added up") {
                    try await speak()
                    return try await gateway.post("/ctrl/revocations", body).body == #"{"proxies":2,"answered":2,"ended":\#(ended)}"#
                }
            }
            #expect(
                subjects.all == [
                    "revoked.\(backend).\(TokenHash(of: "u1"))", "revoked.\(backend).all", "revoked._token.\(TokenHash(of: token))",
                    "revoked._token.\(TokenHash(of: id))", "revoked._key.\(TokenHash(of: lock.rawValue))",
                    "revoked._user.\(TokenHash(of: "u1"))",
                ])
        }
    }

    @Test("of a proxy that is being replaced both processes are waited for and added up, and it is one proxy; one that has ended is not waited for")
    func replaced() async throws {
        try await GatewayFixture.run { gateway in
            let connection = gateway.client.bus.connection
            let (cluster, proxy) = (try #require(ClusterName(rawValue: "plane.test")), try #require(ProxyID(rawValue: "px-1")))
            @Sendable func speak(hasEnded: Bool? = nil) throws {
                for (process, open) in [(1, 500), (2, 20)] as [(UInt64, UInt64)] where hasEnded == nil || process == 1 {
                    let status = ProxyStatusMessage(
                        proxy: proxy, cluster: cluster, version: "test", isReady: hasEnded == nil, openRequests: open, process: process, hasEnded: hasEnded)
                    try connection.publish(WireCodec.encode(status), to: status.subject)
                }
            }
            @Sendable func open() -> UInt64? { gateway.gateway.fleet.heardProxies.first?.status.openRequests }
            let answers = Mutex([UInt64(2): UInt64(0), 1: 500])
            let consumer = try await connection.jetStream.orderedConsumer(stream: TokenRecord.stream, filter: TokenRevocation.subscription, from: .new)
            let answering = Task {
                for await message in consumer {
                    for (process, ended) in answers.withLock({ $0 }).sorted(by: { $0.key > $1.key }) {
                        let report = ProxyRevocationReport(proxy: proxy, cluster: cluster, sequence: message.sequence, ended: ended, process: process)
                        try connection.publish(WireCodec.encode(report), to: report.subject)
                        // Whoever takes the first for all of them has answered before the other comes.
                        try await connection.flush()
                    }
                }
            }
            defer { answering.cancel() }
            // Proxies have a second and a half for their answers, which a busy machine may miss.
            try await eventually("both are added up") {
                try speak()
                try await eventually("both are known, as one") { open() == 520 }
                return try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#).body == #"{"proxies":1,"answered":1,"ended":500}"#
            }
            #expect(try await gateway.get("/ctrl/c/plane.test/state")["proxies"]?.items.count == 1)
            answers.withLock { $0[1] = nil }
            #expect(try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#).body == #"{"proxies":1,"answered":0,"ended":0}"#)
            try await eventually("one alone is enough when the other has ended") {
                try speak()
                try speak(hasEnded: true)
                try await eventually("one is left") { open() == 20 }
                return try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#).body == #"{"proxies":1,"answered":1,"ended":0}"#
            }
        }
    }

    @Test("a proxy that does not answer is told to be missing, and nothing is revoked where nothing is meant")
    func silent() async throws {
        try await GatewayFixture.run { gateway in
            let connection = gateway.client.bus.connection
            let status = ProxyStatusMessage(
                proxy: try #require(ProxyID(rawValue: "px-1")), cluster: try #require(ClusterName(rawValue: "plane.test")), version: "test", isReady: true)
            try connection.publish(WireCodec.encode(status), to: status.subject)
            try await eventually("the gateway knows the proxy") { try await gateway.get("/ctrl/c/plane.test/state")["proxies"]?.items.count == 1 }
            #expect(try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#).body == #"{"proxies":1,"answered":0,"ended":0}"#)
            #expect(try await gateway.post("/ctrl/revocations", #"{"backend_id":"nobody"}"#).status == 404)
            let unknown = String(repeating: "A", count: 43)
            #expect(try await gateway.post("/ctrl/revocations", #"{"token":"\#(unknown)"}"#).body == #"{"proxies":0,"answered":0,"ended":0}"#)
            for body in ["{}", #"{"user":"u1","key":{"name":"room"}}"#, #"{"token":"x"}"#, #"{"token_id":""}"#] {
                #expect(try await gateway.post("/ctrl/revocations", body).status == 422, "\(body)")
            }
        }
    }

    @Test("whose token is for one cluster may revoke what is there, and no user everywhere")
    func rights() async throws {
        let text = "sha256:\(TokenHash(of: "here")) write cluster=plane.test"
        let token = try #require(APIToken(name: "here", text: text))
        try await GatewayFixture.run(configure: { $0.tokens = [token] }) { gateway in
            let bearer = [("authorization", "Bearer here")]
            let connected = try await gateway.post("/ctrl/connect", #"{"key":{"name":"room"},\#(Self.recipe)}"#, headers: bearer)
            let backend = try #require(connected["backend_id"]?.text)
            #expect(try await gateway.post("/ctrl/revocations", #"{"backend_id":"\#(backend)"}"#, headers: bearer).status == 200)
            #expect(try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#, headers: bearer).status == 403)
            #expect(try await gateway.post("/ctrl/revocations", #"{"token_id":"t-1"}"#, headers: bearer).status == 403)
            #expect(try await gateway.post("/ctrl/revocations", #"{"user":"u1"}"#).status == 401)
        }
    }
}
