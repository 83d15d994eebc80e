import Crypto
import Foundation
import TextEncodings

/// A public key as in JOSE, with its members in the order of the thumbprint (RFC 7638 §3.2).
package enum JSONWebKey: Hashable, Sendable {
    /// Coordinates on P-256, 32 bytes each.
    case p256(x: [UInt8], y: [UInt8])
    /// Big-endian, without leading zeros.
    case rsa(modulus: [UInt8], exponent: [UInt8])

    /// Every value is base64url, so nothing in it needs escaping.
    package var json: String {
        switch self {
        case .p256(let x, let y):
            #"{"crv":"P-256","kty":"EC","x":"\#(Base64URL.encode(x))","y":"\#(Base64URL.encode(y))"}"#
        case .rsa(let modulus, let exponent):
            #"{"e":"\#(Base64URL.encode(exponent))","kty":"RSA","n":"\#(Base64URL.encode(modulus))"}"#
        }
    }

    package var thumbprint: String { Base64URL.encode(SHA256.hash(data: Data(self.json.utf8))) }
}
