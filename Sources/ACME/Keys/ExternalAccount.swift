import Crypto
import Foundation
import TextEncodings

/// Binds a new ACME account to an account that the authority knows from elsewhere (RFC 8555 §7.3.4).
package struct ExternalAccount: Sendable, CustomStringConvertible {
    package let keyID: String
    private let macKey: SymmetricKey

    /// - Parameter key: in base64url, with or without padding.
    package init(keyID: String, key: String) throws(ACMEError) {
        guard !keyID.isEmpty, let bytes = Base64URL.decodePasted(key), !bytes.isEmpty else {
            throw ACMEError(.invalidInput, "read the external account's key", hint: "expected a key id, and a key in base64url")
        }
        self.keyID = keyID
        self.macKey = SymmetricKey(data: bytes)
    }

    package var description: String { "external account \(self.keyID), key <redacted>" }

    /// The account's public key, signed with the key that both sides have.
    func binding(of publicKey: JSONWebKey, url: String) throws(ACMEError) -> JWS {
        let header = JWS.Header(algorithm: "HS256", signer: .keyID(self.keyID), nonce: nil, url: url)
        return try JWS(header, payload: publicKey.json) { message throws(ACMEError) in
            Data(HMAC<SHA256>.authenticationCode(for: message, using: self.macKey))
        }
    }
}
