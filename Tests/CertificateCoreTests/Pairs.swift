import ACME
import Crypto
import Foundation
import PlaneTestSupport
import X509

/// Certificates for the cluster `plane.test`, made in the test process.
enum Pairs {
    static let names = ["plane.test", "*.plane.test"]
    /// In the lifetime of what `make` makes.
    static let now = Date(timeIntervalSince1970: 1_700_100_000)
    static let day: TimeInterval = 86_400

    static func make(
        names: [String] = Self.names, from: Date = now.addingTimeInterval(-day), to: Date = now.addingTimeInterval(89 * day)
    ) throws -> CertificatePair {
        let key = P256.Signing.PrivateKey()
        let chain = try TestIssuer().chain(names: names, publicKey: .init(key.publicKey), notBefore: from, notAfter: to)
        return try CertificatePair(chain: CertificateChain(pem: chain), key: CertificateKey(pem: key.pemRepresentation))
    }
}
