import Foundation
import Logging
package import NATS
import NATSAddressing

/// A nats-server with the accounts, users and TLS of `dev/config/nats-server.conf`, made over to a cluster and a drone of the test's own.
///
/// Only what belongs to a place is replaced: paths, port, passwords, and the names of cluster and drone.
package struct GuardedNATS: Sendable {
    /// Of the sample, each with a password of its own.
    package static let users = ["scheduler", "dns", "gateway", "gateway-proxy", "drone-1", "cert-refresher", "application", "operator"]
    /// What the log of a service says when the server refuses it something.
    package static let refusal = "NATS refuses something"

    package let server: NATSServer
    /// `tls://127.0.0.1:<port>`; the certificate is for this address.
    package var url: String { "tls://127.0.0.1:\(self.server.port)" }
    package var caPath: String { self.server.directory.appending(path: "ca.pem").path }

    /// - Parameters:
    ///   - clusterToken: the cluster as subjects write it.
    ///   - drone: takes the place of `drone-1`.
    ///   - store: what the fleet's streams may take, as NATS writes it.
    package static func start(clusterToken: String = "plane_test", drone: String = "drone-1", store: String = "8GB") async throws -> GuardedNATS {
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        var text = try String(contentsOf: package.appending(path: "dev/config/nats-server.conf"), encoding: .utf8)
        for (sample, own) in [
            // The test picks the port, and keeps it when the server is started again.
            ("listen: \"0.0.0.0:4222\"", ""), ("/var/lib/nats", "$DIRECTORY/store"), ("/etc/plane/nats.pem", "$DIRECTORY/server.pem"),
            ("/etc/plane/nats.key", "$DIRECTORY/server.key"), ("plane_test", clusterToken), ("drone-1", drone),
            ("max_file: 8GB", "max_file: \(store)"),
        ] {
            guard text.contains(sample) else { throw NoSuchText(text: sample) }
            text = text.replacing(sample, with: own)
        }
        // The name of one variable may begin another's.
        for user in self.users.sorted(by: { $0.utf8.count > $1.utf8.count }) {
            let variable = "$NATS_PASSWORD_\(user == "drone-1" ? "DRONE" : user.uppercased().replacing("-", with: "_"))"
            guard text.contains(variable) else { throw NoSuchText(text: variable) }
            text = text.replacing(variable, with: "\"\(self.password(user))\"")
        }
        return GuardedNATS(
            server: try await NATSServer.start(jetStream: false, configuration: text) { _ = try await TestCertificates(in: $0) }, drone: drone)
    }

    private let drone: String

    private init(server: NATSServer, drone: String) {
        self.server = server
        self.drone = drone
    }

    /// With which a service is this user.
    package func environment(_ user: String) -> [String: String] {
        [
            "PLANE_NATS__HOSTS": self.url, "PLANE_NATS__AUTH__USERNAME": self.name(user), "PLANE_NATS__AUTH__PASSWORD": Self.password(user),
            "PLANE_NATS__TLS__CA_PATH": self.caPath,
        ].merging(Self.settings(user)) { $1 }
    }

    /// What the sample says that a service's configuration needs besides.
    private static func settings(_ user: String) -> [String: String] {
        switch user {
        case "scheduler": ["PLANE_SCHEDULER__ACCEPTS_LEGACY_PEERS": "false"]
        case "drone-1": ["PLANE_AGENT__SERVES_LEGACY_READERS": "false"]
        case "dns", "gateway", "gateway-proxy", "cert-refresher": ["PLANE_NATS__JETSTREAM_PREFIX": Self.jetStreamPrefix]
        default: [:]
        }
    }

    private static let jetStreamPrefix = "plane.API"

    /// With user and password.
    package func url(of user: String) -> String { "tls://\(self.name(user)):\(Self.password(user))@127.0.0.1:\(self.server.port)" }

    package func options(_ user: String, inboxPrefix: String) -> NATSOptions {
        var options = NATSOptions(
            servers: [self.url], authentication: .userPassword(user: self.name(user), password: Self.password(user)),
            tls: NATSTLSOptions(caFile: self.caPath), name: user, inboxPrefix: inboxPrefix)
        if ["dns", "gateway", "gateway-proxy", "cert-refresher"].contains(user) { options.jetStreamPrefix = Self.jetStreamPrefix }
        return options
    }

    /// Makes a stream in the application's own account, in which it keeps what it hears.
    /// - Parameter options: of the application.
    package func keepStatesForApplication(_ options: NATSOptions) async throws {
        let connection = try await NATSConnection.connect(options, logger: Logger(label: "application") { _ in SwiftLogNoOpLogHandler() })
        for (name, subject) in [("backend_status", "backend.*.status"), ("backend_logs", "cluster.*.drone.*.backend.*.log")] {
            _ = try await connection.jetStream.ensureStream(StreamConfiguration(name: name, subjects: [subject], maxBytes: 64 << 20))
        }
        await connection.drain(timeout: .seconds(1))
    }

    private func name(_ user: String) -> String { user == "drone-1" ? self.drone : user }

    private static func password(_ user: String) -> String { "\(user.replacing("drone-1", with: "drone"))-password" }

    /// The sample was changed, and this file has to follow.
    private struct NoSuchText: Error, CustomStringConvertible {
        let text: String
        var description: String { "dev/config/nats-server.conf does not contain \(self.text)" }
    }
}
