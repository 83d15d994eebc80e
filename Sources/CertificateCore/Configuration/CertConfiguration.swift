package import ConfigurationReading
package import PlaneProtocol
import PlaneService

/// The files of the cluster's certificate (table `cert`).
package struct CertConfiguration: Hashable, Sendable {
    package enum KeyType: String, CaseIterable, Sendable {
        /// ECDSA on P-256: small and fast.
        case p256 = "ecdsa-p256"
        /// For visitors with very old software.
        case rsa4096 = "rsa4096"
    }

    /// PEM file of the private key.
    package var keyPath: String
    /// PEM file of the certificate and its chain.
    package var certPath: String
    /// PEM file of the ACME account's key; nil keeps it beside `keyPath`.
    package var accountKeyPath: String?
    package var keyType: KeyType = .p256
    /// A secret that all drones of the cluster have and NATS has not. If it is given, they share one certificate, encrypted with it; if nil, each drone
    /// orders its own.
    package var sharedSecret: Secret?

    package init(keyPath: String, certPath: String) {
        self.keyPath = keyPath
        self.certPath = certPath
    }
}

extension CertConfiguration: ConfigReadable {
    /// Secrets of this length cannot be guessed, even if they consist of hexadecimal digits.
    private static let shortestSecret = 32

    package init?(_ reader: inout ConfigReader) {
        let keyPath = reader.required("key_path", .path, "PEM file of the certificate's private key.")
        let certPath = reader.required("cert_path", .path, "PEM file of the certificate and its chain.")
        let accountKeyPath = reader.optional("account_key_path", .path, "PEM file of the ACME account's key, made if missing; <key_path>.account if not set.")
        var keyType = KeyType.p256
        reader.read("key_type", .choice(), into: &keyType, "Kind of key made for new certificates.")
        let sharedSecret = reader.optional(
            "shared_secret", .secret, "The same on all drones of the cluster: they share one certificate, encrypted with it; each orders its own if not set.")
        if let sharedSecret, sharedSecret.exposed.utf8.count < Self.shortestSecret {
            reader.mistake(
                "shared_secret", found: "\(sharedSecret.exposed.utf8.count) bytes",
                expectation: "at least \(Self.shortestSecret), as from openssl rand -base64 32")
        }
        guard let keyPath, let certPath else { return nil }
        self.init(keyPath: keyPath, certPath: certPath)
        self.accountKeyPath = accountKeyPath
        self.keyType = keyType
        self.sharedSecret = sharedSecret
    }
}
