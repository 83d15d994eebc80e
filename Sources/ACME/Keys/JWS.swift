package import Foundation
import TextEncodings

/// A signed request body: flattened JSON serialisation (RFC 7515 §7.2.2, RFC 8555 §6.2).
package struct JWS: Hashable, Sendable, Codable {
    package enum Signer: Hashable, Sendable {
        /// By the account's URL, or the id of an external account's key.
        case keyID(String)
        /// By the key itself, before there is an account.
        case key(JSONWebKey)
    }

    package struct Header: Hashable, Sendable {
        package var algorithm: String
        package var signer: Signer
        /// Nil only in an external account binding.
        package var nonce: String?
        package var url: String

        package init(algorithm: String, signer: Signer, nonce: String?, url: String) {
            self.algorithm = algorithm
            self.signer = signer
            self.nonce = nonce
            self.url = url
        }

        var json: String {
            var members = [#""alg":\#(Self.quoted(self.algorithm))"#]
            switch self.signer {
            case .keyID(let id): members.append(#""kid":\#(Self.quoted(id))"#)
            case .key(let key): members.append(#""jwk":\#(key.json)"#)
            }
            if let nonce { members.append(#""nonce":\#(Self.quoted(nonce))"#) }
            members.append(#""url":\#(Self.quoted(self.url))"#)
            return "{\(members.joined(separator: ","))}"
        }

        /// A JSON string (RFC 8259 §7).
        private static func quoted(_ text: String) -> String {
            var quoted = "\""
            for scalar in text.unicodeScalars {
                switch scalar {
                case "\"", "\\": quoted += "\\\(scalar)"
                case "\u{0}"..<" ":
                    let digits = String(scalar.value, radix: 16)
                    quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: quoted.unicodeScalars.append(scalar)
                }
            }
            return quoted + "\""
        }
    }

    package var protected: String
    /// An empty text requests a resource without changing it (POST-as-GET, RFC 8555 §6.3).
    package var payload: String
    package var signature: String

    package init(
        _ header: Header, payload: String, sign: (Data) throws(ACMEError) -> Data
    ) throws(ACMEError) {
        self.protected = Base64URL.encode(header.json.utf8)
        self.payload = Base64URL.encode(payload.utf8)
        self.signature = Base64URL.encode(try sign(Data("\(self.protected).\(self.payload)".utf8)))
    }

    /// All three parts are base64url, so nothing has to be escaped.
    package var json: String {
        #"{"protected":"\#(self.protected)","payload":"\#(self.payload)","signature":"\#(self.signature)"}"#
    }
}
