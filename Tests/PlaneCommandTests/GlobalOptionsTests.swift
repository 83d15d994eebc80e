import ArgumentParser
import NATS
import NATSAddressing
import Testing

@testable import plane

@Suite("The connection a command makes")
struct GlobalOptionsTests {
    @Test(
        "goes where --nats says, then PLANE_NATS_URL, then this machine",
        arguments: [
            (["--nats", "tls://ann:pw@n1:4333"], ["PLANE_NATS_URL": "nats://n2"], ["tls://ann:pw@n1:4333"]),
            ([], ["PLANE_NATS_URL": "nats://n2,nats://n3"], ["nats://n2", "nats://n3"]),
            ([], ["PLANE_NATS_URL": ""], ["nats://127.0.0.1:4222"]),
            ([], [:], ["nats://127.0.0.1:4222"]),
        ] as [([String], [String: String], [String])])
    func servers(arguments: [String], environment: [String: String], expected: [String]) throws {
        let options = try GlobalOptions.parse(arguments).natsOptions(environment: environment)
        #expect(options.servers == expected)
        #expect(options.inboxPrefix == "cli.inbox")
        #expect(options.initialAttempts == 1)
    }

    @Test("L1: scheme, port, user and password of the URL are kept")
    func wholeURL() throws {
        let options = try GlobalOptions.parse(["--nats", "tls://ann:pw@n1:4333"]).natsOptions(environment: [:])
        let address = try NATSServerAddress(options.servers[0])
        #expect(address.usesTLS)
        #expect(address.port == 4333)
        #expect(address.authentication == .userPassword(user: "ann", password: "pw"))
    }

    @Test("is told before the subcommand or after it", arguments: [["--nats", "nats://n1", "list-drones"], ["list-drones", "--nats", "nats://n1"]])
    func position(arguments: [String]) throws {
        let command = try #require(try PlaneCommand.parseAsRoot(arguments) as? ListDronesCommand)
        #expect(command.global.nats == "nats://n1")
    }

    @Test("takes a credentials file and a CA")
    func credentials() throws {
        let options = try GlobalOptions.parse(["--nats-creds", "a.creds", "--nats-ca", "ca.pem"]).natsOptions(environment: [:])
        #expect(options.authentication == .credentialsFile("a.creds"))
        #expect(options.tls == NATSTLSOptions(caFile: "ca.pem"))
        let fromEnvironment = try GlobalOptions.parse([]).natsOptions(environment: ["PLANE_NATS_CREDENTIALS": "b.creds"])
        #expect(fromEnvironment.authentication == .credentialsFile("b.creds"))
    }
}
