import Crypto
import Foundation
import TextEncodings

/// Proves control of a domain by publishing a value in its zone (DNS-01, RFC 8555 §8.4).
///
/// Each call of `present`, even one that throws, is followed by one of `cleanUp`. Several values may have to be visible under one name at once, since a
/// domain and its wildcard are proven by different values of the same name. Calls are made one at a time.
package protocol ChallengeSolver: Sendable {
    /// Publishes the value, and returns when the authority can find it, wherever it looks from.
    func present(_ record: ChallengeRecord) async throws
    /// Called when the value is not needed any more, also if it was never published.
    func cleanUp(_ record: ChallengeRecord) async
}

/// A TXT record that the authority asks for.
package struct ChallengeRecord: Hashable, Sendable {
    /// The domain to prove, without a wildcard's `*.`.
    package let domain: String
    package let value: String

    /// The name at which the authority looks.
    package var name: String { "_acme-challenge.\(self.domain)" }

    package init(domain: String, value: String) {
        self.domain = domain
        self.value = value
    }

    init(domain: String, token: String, key: JSONWebKey) {
        self.init(domain: domain, value: Base64URL.encode(SHA256.hash(data: Data("\(token).\(key.thumbprint)".utf8))))
    }
}
