import CertificateCoreConfiguration
import ClusterNamesConfiguration
import ConfigurationFiles
import ConfigurationReading
import DroneCoreConfiguration
import Foundation
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import ProxyCoreConfiguration
import SchedulerCoreConfiguration
import Testing

@Suite("Secrets outside of the configuration") struct SecretsElsewhereTests {
    private static func load(
        _ nats: String, environment: [String: String] = [:]
    ) throws(ConfigurationError) -> ConfigurationLoader.Loaded<ControllerConfiguration> {
        try ConfigurationLoader.load(
            ControllerConfiguration.self, toml: "[nats]\nhosts = ['a']\n\(nats)", named: "controller.toml", environment: environment)
    }

    private static func file(_ text: String, in directory: TemporaryDirectory) throws -> String {
        let path = directory.file("password")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("a secret is read from a file, without the line feed at its end")
    func file() throws {
        let directory = try TemporaryDirectory()
        let path = try Self.file("s3cret\n", in: directory)
        let loaded = try Self.load("auth = { username = 'u', password = { file = '\(path)' } }")
        #expect(loaded.configuration.nats.authentication == .userPassword(username: "u", password: "s3cret"))
        #expect(loaded.warnings.isEmpty)
        #expect(!"\(EffectiveConfiguration(loaded.entries))".contains("s3cret"))
    }

    @Test("an environment variable may name the file, as containers do it")
    func variable() throws {
        let directory = try TemporaryDirectory()
        let path = try Self.file("t0ken", in: directory)
        let loaded = try Self.load("", environment: ["PLANE_NATS__AUTH__TOKEN__FILE": path])
        #expect(loaded.configuration.nats.authentication == .token("t0ken"))
    }

    @Test("a secret, and a path, may be a credential that systemd passes")
    func credentials() throws {
        let directory = try TemporaryDirectory()
        _ = try Self.file("s3cret", in: directory)
        let environment = ["CREDENTIALS_DIRECTORY": directory.path]
        let token = try Self.load("auth = { token = { credential = 'password' } }", environment: environment)
        #expect(token.configuration.nats.authentication == .token("s3cret"))
        let path = try Self.load("credentials_path = { credential = 'nats.creds' }", environment: environment)
        #expect(path.configuration.nats.authentication == .credentialsFile(path: "\(directory.path)/nats.creds"))
    }

    @Test(
        "what cannot be found is a mistake that says where it was looked for",
        arguments: [
            ("{ file = '/nonexistent' }", "a file /nonexistent that cannot be read: No such file or directory"),
            ("{ credential = 'x' }", "a credential, but no systemd that passes any (LoadCredential=x:… in the service's unit)"),
            ("{ credential = '../x' }", "the credential name \"../x\""), ("{ place = 'x' }", "a table with place"), ("{}", "a table"),
        ])
    func mistakes(value: String, found: String) throws {
        let error = try #require(throws: ConfigurationError.self) { try Self.load("auth.token = \(value)") }
        let wanted = "nats.auth.token: found \(found), expected a string, or { file = \"…\" }, or { credential = \"…\" }"
        #expect(error.mistakes.map(\.description).contains(wanted))
    }

    @Test("a service does not miss the secrets of others in the file they share; and who only looks at a file misses none")
    func foreign() throws {
        struct OfTheProxy: ConfigReadable {
            init?(_ reader: inout ConfigReader) {
                reader.removeSecrets(of: "nats", "acme")
                guard DroneConfiguration(&reader) != nil else { return nil }
            }
        }
        let directory = try TemporaryDirectory()
        let path = directory.file("drone.toml")
        try """
        cluster_domain = 'plane.test'
        [nats]
        hosts = ['a']
        auth = { username = { credential = 'nats_username' }, password = { file = '/nonexistent' } }
        [cert]
        key_path = 'k'
        cert_path = 'c'
        [acme]
        server = 'https://acme.example'
        admin_email = 'a@b.example'
        eab = { key_id = 'k', key = { credential = 'eab' } }
        """.write(toFile: path, atomically: true, encoding: .utf8)
        _ = try ConfigurationLoader.load(OfTheProxy.self, file: path, environment: [:])
        let error = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(DroneConfiguration.self, file: path, environment: [:])
        }
        #expect(error.mistakes.count >= 3)
        let looked = try #require(throws: ConfigurationError.self) {
            try ConfigurationLoader.load(DroneConfiguration.self, file: path, environment: [:], doesWithoutCredentials: true)
        }
        // A file is there for everybody or for nobody.
        #expect(looked.mistakes.map(\.description).allSatisfy { $0.contains("/nonexistent") })
    }

    @Test("a file without content is no secret")
    func empty() throws {
        let directory = try TemporaryDirectory()
        let path = try Self.file("\n", in: directory)
        let error = try #require(throws: ConfigurationError.self) { try Self.load("auth.token = { file = '\(path)' }") }
        #expect("\(error)".contains("a file \(path) without content"))
    }
}
