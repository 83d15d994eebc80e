import Crypto
import Foundation
import SwiftASN1
import X509

/// A real image registry on loopback that asks who comes: Debian's `docker-registry`.
///
/// Dockers take registries on 127.0.0.0/8 without TLS, so no certificate of it has to be trusted.
package final class TestRegistry: Sendable {
    /// How it tells who may come in.
    package enum Access: Sendable {
        /// User name and password; see `user` and `password`.
        case password
        /// Whoever shows a token of this authority, at whose URL Docker asks for one.
        case tokens(TokenAuthority)
    }

    package static let user = "plane"
    package static let password = "s3cret"
    /// bcrypt (cost 4) of the password, as htpasswd(1) writes it.
    private static let passwordHash = "$2y$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG"

    /// Whether the machine has Debian's package `docker-registry`.
    package static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/docker-registry") }

    package let port: UInt16
    private let directory: TemporaryDirectory
    private let process: TestProcess

    /// `127.0.0.1:<port>/<repository>`
    package func image(_ repository: String) -> String { "127.0.0.1:\(self.port)/\(repository)" }

    /// How often a manifest was asked for under this name and tag, by whom ever.
    package func manifestRequests(_ repository: String, tag: String) -> Int {
        self.served("manifests/\(tag) ", of: repository)
    }

    package func blobRequests(_ repository: String) -> Int {
        self.served("blobs/sha256:", of: repository)
    }

    /// Lines of its access log, `… "GET /v2/team/app/manifests/1 HTTP/1.1" 200 …`; HEAD counts too.
    private func served(_ path: String, of repository: String) -> Int {
        self.process.log.count { $0.contains(" /v2/\(repository)/\(path)") && $0.contains("\" 200 ") }
    }

    /// Starts one and returns when it listens.
    /// - Parameter store: another one's images, which it serves too; nil for none.
    package init(_ access: Access = .password, imagesOf other: TestRegistry? = nil) async throws {
        self.directory = try TemporaryDirectory()
        self.port = try freeLoopbackPort()
        let images = other?.imageStore ?? self.directory.file("images")
        let authentication: String
        switch access {
        case .password:
            let path = self.directory.file("htpasswd")
            try "\(Self.user):\(Self.passwordHash)\n".write(toFile: path, atomically: true, encoding: .utf8)
            authentication = "  htpasswd: { realm: plane, path: \(path) }"
        case .tokens(let authority):
            let path = self.directory.file("authority.pem")
            try authority.certificatePEM.write(toFile: path, atomically: true, encoding: .utf8)
            authentication =
                "  token: { realm: \"\(authority.url)\", service: \(TokenAuthority.service), issuer: \(TokenAuthority.issuer), rootcertbundle: \(path) }"
        }
        let configuration = self.directory.file("registry.yml")
        try """
        version: 0.1
        log: { level: info }
        storage: { filesystem: { rootdirectory: \(images) } }
        http: { addr: "127.0.0.1:\(self.port)", secret: test }
        auth:
        \(authentication)
        """.write(toFile: configuration, atomically: true, encoding: .utf8)
        self.process = try TestProcess("/usr/bin/docker-registry", ["serve", configuration])
        try await self.process.line(containing: "listening on")
        _ = try await LoopbackConnection.whenListening(port: self.port)
    }

    private var imageStore: String { self.directory.file("images") }

    /// Brings the files of a Docker's image here, as an image of its own under this name; the Docker keeps nothing of that.
    package func push(_ local: String, to name: String, from socket: String) async throws {
        let login = Data("\(Self.user):\(Self.password)".utf8).base64EncodedString()
        let folder = try TemporaryDirectory()
        try #"{"auths":{"127.0.0.1:\#(self.port)":{"auth":"\#(login)"}}}"#
            .write(toFile: folder.file("config.json"), atomically: true, encoding: .utf8)
        let script = """
            set -e
            export DOCKER_HOST="unix://$1" DOCKER_CONFIG="$2"
            id=$(docker create "$3" /bin/serve)
            docker export "$id" | docker import --change 'CMD ["/bin/serve"]' --change 'ENV PATH=/bin' - "$4" >/dev/null
            docker rm "$id" >/dev/null
            docker push -q "$4"
            docker rmi "$4" >/dev/null
            echo pushed
            """
        let process = try TestProcess("/bin/sh", ["-c", script, "sh", socket, folder.path, local, self.image(name)])
        try await process.line(containing: "pushed")
        withExtendedLifetime(folder) {}
    }
}

/// Who says which tokens a registry takes (docs.docker.com/registry/spec/auth/token): signs them, and is trusted by its certificate.
package struct TokenAuthority: Sendable {
    package static let service = "plane-test-registry"
    package static let issuer = "plane-test-authority"

    /// Where Docker asks for a token; whoever serves there answers with `token(pulling:)`.
    package let url: String
    package let certificatePEM: String
    private let certificateDER: [UInt8]
    private let key = P256.Signing.PrivateKey()

    package init(url: String) throws {
        self.url = url
        let name = try DistinguishedName { CommonName("plane test token authority") }
        let now = Date()
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(self.key.publicKey), notValidBefore: now.addingTimeInterval(-3_600),
            notValidAfter: now.addingTimeInterval(86_400), issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try .init { Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil)) }, issuerPrivateKey: .init(self.key))
        self.certificatePEM = try certificate.serializeAsPEM().pemString
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        self.certificateDER = serializer.serializedBytes
    }

    /// A token that permits pulling one repository (JWT, RFC 7519, signed with ES256).
    package func token(pulling repository: String) throws -> String {
        let now = Int(Date().timeIntervalSince1970)
        let header: [String: Any] = ["typ": "JWT", "alg": "ES256", "x5c": [Data(self.certificateDER).base64EncodedString()]]
        let claims: [String: Any] = [
            "iss": Self.issuer, "sub": "plane", "aud": Self.service, "exp": now + 600, "nbf": now - 60, "iat": now, "jti": "1",
            "access": [["type": "repository", "name": repository, "actions": ["pull"]]],
        ]
        let signed = try [header, claims].map { Self.base64URL(try JSONSerialization.data(withJSONObject: $0)) }.joined(separator: ".")
        return "\(signed).\(Self.base64URL(try self.key.signature(for: Data(signed.utf8)).rawRepresentation))"
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
