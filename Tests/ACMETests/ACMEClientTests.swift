import PlaneTestSupport
import Synchronization
import Testing
import X509

@testable import ACME

@Suite struct ACMEClientTests {
    let names = ["a.example", "*.a.example"]

    private func order(replaces: String? = nil) async throws -> CertificateOrder {
        CertificateOrder(names: self.names, key: try await .generate(.p256), replaces: replaces)
    }

    private func failure(_ behaviour: FakeAuthority.Behaviour, _ solver: RecordingSolver = RecordingSolver()) async throws -> ACMEError {
        let authority = try FakeAuthority(behaviour)
        let order = try await self.order()
        return try await #require(throws: ACMEError.self) { try await authority.client().issue(order, solver: solver) }
    }

    @Test("C8: a domain and its wildcard are ordered together, both values are published before the authority is told, and removed after")
    func issue() async throws {
        let authority = try FakeAuthority()
        let solver = RecordingSolver()
        let pair = try await authority.client().issue(try await self.order(), solver: solver)
        #expect(pair.chain.names == Set(self.names))
        let name = "_acme-challenge.a.example"
        #expect(solver.events == [.present(name), .present(name), .cleanUp(name), .cleanUp(name)])
        #expect(Set(solver.records.map(\.value)).count == 2)
        #expect(
            authority.requests.map(\.path).filter { !$0.hasPrefix("/nonce") } == [
                "/dir", "/account", "/new-order", "/authorization/a.example", "/authorization/*.a.example", "/challenge/a.example",
                "/challenge/*.a.example", "/authorization/a.example", "/authorization/*.a.example", "/order/1", "/finalize", "/order/1",
                "/certificate",
            ])
    }

    @Test("one nonce is fetched; after that each answer brings the next")
    func nonces() async throws {
        let authority = try FakeAuthority()
        _ = try await authority.client().issue(try await self.order(), solver: RecordingSolver())
        #expect(authority.requests.filter { $0.path == "/nonce" }.count == 1)
    }

    @Test("a refused nonce is replaced by the refusal's own, and the same request sent again")
    func badNonce() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.noncesToRefuse = 5
        let authority = try FakeAuthority(behaviour)
        try await authority.client().account()
        #expect(authority.requests.map(\.path) == ["/dir", "/nonce"] + Array(repeating: "/account", count: 6))
        #expect(Set(authority.requests.suffix(6).map(\.payload)).count == 1)
    }

    @Test("an authority that refuses every nonce is given up on")
    func badNonceForEver() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.noncesToRefuse = .max
        #expect(try await self.failure(behaviour).code == .nonceRefused)
    }

    @Test("C9: slow validation and slow signing are waited for")
    func slow() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.pollsUntilValid = 20
        behaviour.processingPolls = 20
        let authority = try FakeAuthority(behaviour)
        _ = try await authority.client().issue(try await self.order(), solver: RecordingSolver())
    }

    @Test("C9: an authority that never decides is given up on when the table ends")
    func undecided() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.pollsUntilValid = .max
        #expect(try await self.failure(behaviour).code == .undecided)
    }

    @Test("C9: Retry-After decides when the authority is asked next")
    func retryAfter() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.pollsUntilValid = 1
        behaviour.retryAfter = "7"
        let waits = Mutex<[Duration]>([])
        let client = try FakeAuthority(behaviour).client { wait in waits.withLock { $0.append(wait) } }
        _ = try await client.issue(try await self.order(), solver: RecordingSolver())
        #expect(waits.withLock { $0 }.contains(.seconds(7)))
    }

    @Test("a failed validation says what the authority saw, and the values are removed")
    func validationFailed() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.validationProblem = "unauthorized"
        let solver = RecordingSolver()
        let error = try await self.failure(behaviour, solver)
        #expect(error.code == .validationFailed)
        #expect(error.description.contains("prove control of a.example"))
        #expect(error.description.contains("seen from here"))
        #expect(solver.events.suffix(2) == [.cleanUp("_acme-challenge.a.example"), .cleanUp("_acme-challenge.a.example")])
    }

    @Test("a value that could not be published is cleaned up, and the authority is not told to look", arguments: [0, 1])
    func solverFails(call: Int) async throws {
        let authority = try FakeAuthority()
        let solver = RecordingSolver(failsAt: call)
        let order = try await self.order()
        let error = try await #require(throws: ACMEError.self) { try await authority.client().issue(order, solver: solver) }
        #expect(error.code == .challengeNotPresented)
        #expect(solver.events.count == 2 * (call + 1))
        #expect(!authority.requests.contains { $0.path.hasPrefix("/challenge") })
    }

    @Test("an authority without DNS-01 is told apart, with what it offers")
    func noUsableChallenge() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.challengeTypes = ["http-01", "tls-alpn-01"]
        let error = try await self.failure(behaviour)
        #expect(error.code == .noUsableChallenge)
        #expect(error.description.contains("http-01, tls-alpn-01"))
    }

    @Test("a value is never published for a name that was not ordered")
    func foreignName() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.authorizedNames = ["victim.example"]
        let solver = RecordingSolver()
        #expect(try await self.failure(behaviour, solver).code == .malformedAnswer)
        #expect(solver.events.isEmpty)
    }

    @Test("C2: a certificate for other names than ordered is not taken")
    func wrongNames() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.certificateNames = ["*.a.example"]
        let error = try await self.failure(behaviour)
        #expect(error.code == .unusableCertificate)
    }

    @Test("a rate limit says until when")
    func rateLimited() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.overrides["/new-order"] = FakeAuthority.problem("rateLimited", status: 429, retryAfter: "3600")
        let error = try await self.failure(behaviour)
        #expect(error.code == .rateLimited)
        #expect(error.retryAfter == .seconds(3_600))
    }

    @Test(
        "no answer of an authority does more than fail the order",
        arguments: [
            "/dir", "/account", "/new-order", "/authorization/a.example", "/order/1", "/finalize", "/certificate", "/nonce",
        ],
        [
            "", "null", "[]", "{", #"{"status":"odd"}"#, String(repeating: "[", count: 100_000), "\u{0}\u{1}",
            #"{"status":"valid","authorizations":[],"finalize":"","certificate":"not a url"}"#,
            #"{"newNonce":"x","newAccount":"y","newOrder":"z"}"#,
        ])
    func hostileAnswers(path: String, body: String) async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.overrides[path] = ACMEResponse(status: 200, body: Array(body.utf8))
        // An answer to these two is in the headers; the body is not looked at.
        if path == "/nonce" || path == "/account" { behaviour.overrides[path]?.status = 500 }
        #expect(try await self.failure(behaviour).code != .invalidInput)
    }

    @Test("an order with more authorizations than names make sense is not followed")
    func endlessOrder() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.authorizedNames = Array(repeating: "a.example", count: 101)
        #expect(try await self.failure(behaviour).code == .malformedAnswer)
    }

    @Test("a renewal names the certificate it replaces where the authority counts renewals apart")
    func replaces() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.offersRenewalInformation = true
        let authority = try FakeAuthority(behaviour)
        _ = try await authority.client().issue(try await self.order(replaces: "aYhb.AIdlQyE"), solver: RecordingSolver())
        let order = try #require(authority.requests.first { $0.path == "/new-order" })
        #expect(order.payload.contains(#""replaces":"aYhb.AIdlQyE""#))
    }

    @Test("and orders without naming it where that is refused, or not known")
    func replacingRefused() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.offersRenewalInformation = true
        behaviour.refusesReplacing = true
        let refusing = try FakeAuthority(behaviour)
        _ = try await refusing.client().issue(try await self.order(replaces: "aYhb.AIdlQyE"), solver: RecordingSolver())
        #expect(refusing.requests.filter { $0.path == "/new-order" }.map { $0.payload.contains("replaces") } == [true, false])
        let plain = try FakeAuthority()
        _ = try await plain.client().issue(try await self.order(replaces: "aYhb.AIdlQyE"), solver: RecordingSolver())
        #expect(plain.requests.filter { $0.path == "/new-order" }.map { $0.payload.contains("replaces") } == [false])
    }

    @Test("renewal information is read where it is offered, and absent elsewhere")
    func renewalInformation() async throws {
        let key = try await CertificateKey.generate(.p256)
        let chain = try CertificateChain(pem: TestIssuer().chain(names: self.names, publicKey: key.privateKey.publicKey))
        var behaviour = FakeAuthority.Behaviour()
        #expect(try await FakeAuthority(behaviour).client().renewalInformation(for: chain) == nil)
        behaviour.offersRenewalInformation = true
        let authority = try FakeAuthority(behaviour)
        #expect(try await authority.client().renewalInformation(for: chain) != nil)
        #expect(authority.requests.last?.path == "/renewal/\(try #require(chain.renewalID))")
    }

    @Test("a cancelled wait ends the order as cancelled")
    func cancelled() async throws {
        var behaviour = FakeAuthority.Behaviour()
        behaviour.pollsUntilValid = 3
        let authority = try FakeAuthority(behaviour)
        let order = try await self.order()
        let error = try await #require(throws: ACMEError.self) {
            try await authority.client { _ in throw CancellationError() }.issue(order, solver: RecordingSolver())
        }
        #expect(error.code == .cancelled)
        #expect(!error.isRetryable)
    }
}
