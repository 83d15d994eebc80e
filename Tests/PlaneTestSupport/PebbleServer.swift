import Crypto
import Foundation
import SwiftASN1
import X509

/// A real ACME authority of this test's own: Debian's `pebble` on loopback, with a TLS certificate from a root made for it.
///
/// It forgets everything between two starts, shuffles its URLs, refuses good nonces, and dies with this object.
package final class PebbleServer: Sendable {
    /// What it does to its clients.
    package struct Options: Sendable {
        /// Share of good nonces that are refused, in percent.
        package var nonceReject = 5
        /// Share of valid authorizations that are used for a new order, in percent.
        package var authorizationReuse = 50
        /// Believes every challenge without looking.
        package var alwaysValid = true
        /// Longest time before it looks, in seconds; a random part of it is slept each time.
        package var validationSleep: Int?
        /// `host:port` asked for TXT records.
        package var dnsServer: String?
        /// Accounts are made only with one of these, key id to MAC key.
        package var externalAccounts: [String: String] = [:]

        package init() {}
    }

    /// Whether the machine has Debian's package `pebble`, for a suite's `.enabled(if:)`.
    package static var isInstalled: Bool {
        ["/usr/bin/pebble", "/usr/bin/pebble-challtestsrv"].allSatisfy(FileManager.default.isExecutableFile)
    }

    private let process: TestProcess
    private let directory: TemporaryDirectory
    /// The directory object, not a file's.
    package let directoryURL: String
    /// PEM file of the root which signed the server's own certificate.
    package let rootPath: String

    /// Starts it and returns when it listens.
    /// - Parameter port: nil for a free one.
    package init(_ options: Options = Options(), port: UInt16? = nil) async throws {
        let port = try port ?? freeLoopbackPort()
        self.directory = try TemporaryDirectory()
        self.rootPath = self.directory.file("root.pem")
        self.directoryURL = "https://127.0.0.1:\(port)/dir"
        try Self.writeCertificates(to: self.directory)
        let configuration: [String: Any] = [
            "pebble": [
                "listenAddress": "127.0.0.1:\(port)", "managementListenAddress": "", "certificate": self.directory.file("server.pem"),
                "privateKey": self.directory.file("server.key"), "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
                "externalAccountBindingRequired": !options.externalAccounts.isEmpty,
                "externalAccountMACKeys": options.externalAccounts,
            ] as [String: Any]
        ]
        try JSONSerialization.data(withJSONObject: configuration).write(to: URL(filePath: self.directory.file("pebble.json")))
        var environment = [
            "PEBBLE_WFE_NONCEREJECT": "\(options.nonceReject)", "PEBBLE_AUTHZREUSE": "\(options.authorizationReuse)",
        ]
        if options.alwaysValid { environment["PEBBLE_VA_ALWAYS_VALID"] = "1" }
        if let seconds = options.validationSleep {
            environment["PEBBLE_VA_SLEEPTIME"] = "\(seconds)"
        } else {
            environment["PEBBLE_VA_NOSLEEP"] = "1"
        }
        var arguments = ["-strict", "-config", self.directory.file("pebble.json")]
        if let address = options.dnsServer { arguments += ["-dnsserver", address] }
        self.process = try TestProcess("/usr/bin/pebble", arguments, environment: environment)
        try await self.process.line(containing: "ACME directory available")
        // It prints this line a moment before it listens.
        _ = try await LoopbackConnection.whenListening(port: port)
    }

    package func stop() async { await self.process.stop(.kill) }

    private static func writeCertificates(to directory: TemporaryDirectory) throws {
        let rootKey = P256.Signing.PrivateKey()
        let key = P256.Signing.PrivateKey()
        let rootName = try DistinguishedName { CommonName("pebble test root") }
        let now = Date()
        let root = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(rootKey.publicKey), notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(86_400), issuer: rootName, subject: rootName, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }, issuerPrivateKey: .init(rootKey))
        let server = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(86_400), issuer: rootName, subject: try DistinguishedName { CommonName("pebble") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init {
                SubjectAlternativeNames([.dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
            }, issuerPrivateKey: .init(rootKey))
        try root.serializeAsPEM().pemString.write(toFile: directory.file("root.pem"), atomically: true, encoding: .utf8)
        try server.serializeAsPEM().pemString.write(toFile: directory.file("server.pem"), atomically: true, encoding: .utf8)
        try key.pemRepresentation.write(toFile: directory.file("server.key"), atomically: true, encoding: .utf8)
    }
}
