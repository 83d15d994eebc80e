import NIOSSL

/// Versions and cipher suites for visitors, as in PlanB's presets, as far as BoringSSL knows them: it has no CBC suites with SHA-256 and ECDSA, and 3DES only
/// with RSA key exchange.
package enum TLSPreset: String, CaseIterable, Sendable {
    case modern, intermediate, old

    /// An unknown name means `modern`, as in PlanB.
    package init(named name: String) {
        self = TLSPreset(rawValue: name) ?? .modern
    }

    var minimumVersion: TLSVersion {
        switch self {
        case .modern: .tlsv12
        case .intermediate, .old: .tlsv1
        }
    }

    /// Cipher suites for TLS 1.2 and below, in order; those of TLS 1.3 cannot be chosen.
    var cipherSuites: [String] {
        switch self {
        case .modern:
            [
                "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
                "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256",
            ]
        case .intermediate: Self.pairs(ecdsaFirst: true) + Self.rsaKeyExchange
        case .old: Self.pairs(ecdsaFirst: false) + Self.rsaKeyExchange
        }
    }

    private static func pairs(ecdsaFirst: Bool) -> [String] {
        let ciphers = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256", "AES128-SHA", "AES256-SHA"]
        return ciphers.flatMap { cipher in
            let (ecdsa, rsa) = ("ECDHE-ECDSA-\(cipher)", "ECDHE-RSA-\(cipher)")
            if cipher == "AES128-SHA256" { return [rsa] }
            return ecdsaFirst ? [ecdsa, rsa] : [rsa, ecdsa]
        }
    }

    private static let rsaKeyExchange = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "DES-CBC3-SHA"]

    /// The curves of PlanB, and X25519, without which some clients could not connect.
    static let curves: [NIOTLSCurve] = [.x25519, .secp256r1, .secp384r1, .secp521r1]
}
