package import Foundation

/// A CA of this test's own, with a certificate for a server on loopback and one for a client, made by the `openssl`
/// command. ECDSA P-256, valid for a day.
package struct TestCertificates: Sendable {
    /// Holds `<name>.pem` and `<name>.key` for `ca`, `server` and `client`.
    package let directory: URL

    /// - Parameter names: the server's DNS names besides `localhost` and 127.0.0.1.
    package init(in directory: URL, names: [String] = []) async throws {
        self.directory = directory
        let alternatives = (["DNS:localhost", "IP:127.0.0.1"] + names.map { "DNS:\($0)" }).joined(separator: ",")
        try await self.openssl(
            ["req", "-x509", "-subj", "/CN=test CA", "-out", self.path("ca.pem"), "-keyout", self.path("ca.key")]
                + Self.newKey)
        for (name, extensions) in [("server", ["-addext", "subjectAltName=\(alternatives)"]), ("client", [])] {
            try await self.openssl(
                [
                    "req", "-x509", "-subj", "/CN=\(name)", "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                    "-addext", "basicConstraints=critical,CA:FALSE", "-out", self.path("\(name).pem"),
                    "-keyout", self.path("\(name).key"),
                ] + extensions + Self.newKey)
        }
    }

    package func path(_ name: String) -> String { self.directory.appending(path: name).path }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "1"]

    private func openssl(_ arguments: [String]) async throws { try await TestProcess.run("/usr/bin/env", ["openssl"] + arguments) }
}
