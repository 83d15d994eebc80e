import Crypto
import Foundation

/// Proves control of a domain by publishing a value in its zone (DNS-01, RFC 8555 §8.4).
///
/// `present` and `cleanUp` come in pairs, also when `present` throws. Several values may have to be visible under one name at once: a
/// domain and its wildcard are proven by different values of the same name. Calls come one at a time.
package protocol ChallengeSolver: Sendable {
    /// Publishes the value and returns when the authority may look for it, from anywhere.
    func present(_ record: ChallengeRecord) async throws
    /// The value is not needed any more. Also called for values that were never seen by anybody.
    func cleanUp(_ record: ChallengeRecord) async
}

/// A TXT record the authority will ask for.
package struct ChallengeRecord: Hashable, Sendable {
    /// The domain to prove, without a wildcard's `*.`.
    package let domain: String
    package let value: String

    /// Where the authority looks.
    package var name: String { "_acme-challenge.\(self.domain)" }

    package init(domain: String, value: String) {
        self.domain = domain
        self.value = value
    }

    init(domain: String, token: String, key: JSONWebKey) {
        self.init(domain: domain, value: Base64URL.encode(SHA256.hash(data: Data("\(token).\(key.thumbprint)".utf8))))
    }
}
