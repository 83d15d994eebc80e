package import ACME
import Crypto
import Foundation
package import PlaneProtocol

/// Encrypts certificate and key before they go to NATS, with a key made from the secret that the drones of a cluster share and NATS does not have.
///
/// Sealed is: a version, a random salt, and a ChaCha20-Poly1305 box (RFC 8439) of the pair, bound to the name of the cluster. The box's key
/// comes from secret and salt by HKDF (RFC 5869), so each box has a key of its own.
package struct CertificateSealer: Sendable, CustomStringConvertible {
    package struct Broken: Error, CustomStringConvertible {
        package var description: String { "the shared certificate cannot be opened; do all drones of the cluster have the same cert.shared_secret?" }
    }

    private struct Body: Codable {
        var certificate: String
        var key: String
    }

    private static let version: UInt8 = 1
    private static let saltBytes = 16

    private let secret: SymmetricKey
    private let context: Data

    package init(secret: Secret, cluster: ClusterName) {
        self.secret = SymmetricKey(data: Data(secret.exposed.utf8))
        self.context = Data("plane certificate 1 \(cluster.rawValue.lowercased())".utf8)
    }

    package var description: String { "seal <redacted>" }

    package func seal(_ pair: CertificatePair) throws -> [UInt8] {
        let salt = Data((0..<Self.saltBytes).map { _ in UInt8.random(in: .min ... .max) })
        let body = try JSONEncoder().encode(Body(certificate: pair.chain.pem, key: pair.key.pem))
        let box = try ChaChaPoly.seal(body, using: self.key(salt), authenticating: self.context)
        return [Self.version] + salt + box.combined
    }

    /// - Throws: `Broken` for bytes that were not sealed with this secret for this cluster.
    package func open(_ bytes: [UInt8]) throws -> CertificatePair {
        guard bytes.first == Self.version, bytes.count > 1 + Self.saltBytes,
            let box = try? ChaChaPoly.SealedBox(combined: bytes[(1 + Self.saltBytes)...]),
            let body = try? ChaChaPoly.open(box, using: self.key(Data(bytes[1...Self.saltBytes])), authenticating: self.context),
            let pair = try? JSONDecoder().decode(Body.self, from: body)
        else { throw Broken() }
        return try CertificatePair(chain: CertificateChain(pem: pair.certificate), key: CertificateKey(pem: pair.key))
    }

    private func key(_ salt: Data) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: self.secret, salt: salt, info: self.context, outputByteCount: 32)
    }
}
