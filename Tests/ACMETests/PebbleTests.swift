import PlaneTestSupport
import Testing
import X509

@testable import ACME

/// Against a real authority. The polls take the time that they take, which is half a second where nothing is slowed down on purpose.
@Suite(.enabled(if: PebbleServer.isInstalled, "needs Debian's package pebble"), .timeLimit(.minutes(10)))
struct PebbleTests {
    let names = ["plane.test", "*.plane.test"]

    private func issue(
        _ pebble: PebbleServer, key: AccountKey = AccountKey(), kind: CertificateKey.Kind = .p256,
        externalAccount: ExternalAccount? = nil, solver: some ChallengeSolver = RecordingSolver()
    ) async throws -> CertificatePair {
        let certificateKey = try await CertificateKey.generate(kind)
        return try await Self.withClient(pebble, key: key, externalAccount: externalAccount) { client throws(ACMEError) in
            try await client.issue(CertificateOrder(names: self.names, key: certificateKey), solver: solver)
        }
    }

    private static func withClient<Result: Sendable>(
        _ pebble: PebbleServer, key: AccountKey, externalAccount: ExternalAccount? = nil,
        _ body: @Sendable (ACMEClient) async throws(ACMEError) -> Result
    ) async throws(ACMEError) -> Result {
        let options = ACMEClient.Options(
            directoryURL: pebble.directoryURL, contacts: ["mailto:ops@plane.test"], externalAccount: externalAccount)
        var transport = HTTPClientTransport.Options(userAgent: "acme-tests")
        transport.trustedRootsPath = pebble.rootPath
        return try await withHTTPClientTransport(transport) { transport throws(ACMEError) in
            try await body(ACMEClient(options, transport: transport, key: key))
        }
    }

    @Test("C8: a certificate for the cluster and its wildcard is issued, and fits its key")
    func issues() async throws {
        let pair = try await self.issue(try await PebbleServer())
        #expect(pair.chain.names == Set(self.names))
        #expect(pair.chain.issuers.count >= 1)
    }

    @Test("most nonces refused, and authorizations of the last order used again: still a certificate", arguments: [0, 100])
    func nasty(reuse: Int) async throws {
        var options = PebbleServer.Options()
        options.nonceReject = 60
        options.authorizationReuse = reuse
        let pebble = try await PebbleServer(options)
        let key = AccountKey()
        let first = try await self.issue(pebble, key: key)
        let second = try await self.issue(pebble, key: key)
        #expect(first.chain.leaf.serialNumber != second.chain.leaf.serialNumber)
    }

    @Test("C6: a kept key finds its account again, and another key another account")
    func account() async throws {
        let pebble = try await PebbleServer()
        let key = AccountKey()
        let first = try await Self.withClient(pebble, key: key) { client throws(ACMEError) in try await client.account() }
        let second = try await Self.withClient(pebble, key: key) { client throws(ACMEError) in try await client.account() }
        let other = try await Self.withClient(pebble, key: AccountKey()) { client throws(ACMEError) in try await client.account() }
        #expect(first == second)
        #expect(first != other)
    }

    @Test("C6: the RSA account of an existing installation goes on")
    func rsaAccount() async throws {
        _ = try await self.issue(try await PebbleServer(), key: try AccountKey(pem: AccountKeyTests.rsaPEM))
    }

    @Test("C7: an RSA certificate is there for those who want it")
    func rsaCertificate() async throws {
        _ = try await self.issue(try await PebbleServer(), kind: .rsa4096)
    }

    @Test("an external account is bound, with its key padded or not", arguments: ["", "="])
    func externalAccount(padding: String) async throws {
        var options = PebbleServer.Options()
        options.externalAccounts = ["kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wA"]
        let pebble = try await PebbleServer(options)
        let account = try ExternalAccount(keyID: "kid-1", key: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wA" + padding)
        _ = try await self.issue(pebble, externalAccount: account)
        let missing = try await #require(throws: ACMEError.self) { try await self.issue(pebble) }
        #expect(missing.code == .externalAccountRefused)
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        for (keyID, key) in [("kid-1", key), ("kid-2", key), ("kid-2", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wA")] {
            let wrong = try ExternalAccount(keyID: keyID, key: key)
            let refused = try await #require(throws: ACMEError.self) { try await self.issue(pebble, externalAccount: wrong) }
            #expect(refused.code == .externalAccountRefused)
            #expect(refused.description.contains("key id and key"))
        }
    }

    @Test("pebble looks the values up, as slowly as it likes, and finds both of one name")
    func validates() async throws {
        let names = try await ChallengeTestServer()
        var options = PebbleServer.Options()
        options.alwaysValid = false
        options.validationSleep = 3
        options.dnsServer = names.address
        _ = try await self.issue(try await PebbleServer(options), solver: TestServerSolver(server: names))
    }

    @Test("a value that is not there fails the validation with the authority's reason")
    func validationFails() async throws {
        let names = try await ChallengeTestServer()
        var options = PebbleServer.Options()
        options.alwaysValid = false
        options.dnsServer = names.address
        let pebble = try await PebbleServer(options)
        let error = try await #require(throws: ACMEError.self) { try await self.issue(pebble) }
        #expect(error.code == .validationFailed)
        #expect(error.description.contains("prove control of plane.test"))
    }

    @Test("a server whose certificate we have no reason to trust is told so")
    func untrusted() async throws {
        let pebble = try await PebbleServer()
        let error = try await #require(throws: ACMEError.self) {
            try await withHTTPClientTransport(.init(userAgent: "acme-tests")) { transport throws(ACMEError) in
                try await transport.send(ACMERequest(.get, pebble.directoryURL))
            }
        }
        #expect(error.code == .untrustedServer)
        #expect(error.description.contains("root certificate"))
    }

    @Test("a URL that is no directory is told so")
    func noDirectory() async throws {
        let pebble = try await PebbleServer()
        let url = pebble.directoryURL.replacing("/dir", with: "/nothing")
        let options = HTTPClientTransport.Options(userAgent: "acme-tests", trustedRootsPath: pebble.rootPath)
        let error = try await #require(throws: ACMEError.self) {
            try await withHTTPClientTransport(options) { transport throws(ACMEError) in
                try await ACMEClient(.init(directoryURL: url), transport: transport, key: AccountKey()).directory()
            }
        }
        #expect(error.code == .refused)
        #expect(error.description.contains("404"))
    }
}

/// Publishes through the test name server.
private struct TestServerSolver: ChallengeSolver {
    let server: ChallengeTestServer

    func present(_ record: ChallengeRecord) async throws {
        try await self.server.addText(record.value, at: record.name)
    }

    func cleanUp(_ record: ChallengeRecord) async {
        // The server ends with the test; a name that cannot be cleared matters to nobody.
        try? await self.server.clearText(at: record.name)
    }
}
