/// Why a certificate authority issued no certificate: what was tried, who is at fault, and what to do about it.
///
/// The description contains no keys, nonces, signatures or challenge values.
package struct ACMEError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// No connection, or no answer in time.
        case unreachable
        /// The authority's own TLS certificate is not signed by anybody we trust.
        case untrustedServer
        /// The file with the trusted roots is missing or incomplete, perhaps because it is being written.
        case unreadableRoots
        /// An answer that does not follow ACME, or contradicts itself.
        case malformedAnswer
        /// An answer larger than anything an authority has reason to send.
        case answerTooLarge
        /// The authority is broken or under maintenance (HTTP 5xx, `serverInternal`).
        case authorityFault
        /// Too many orders, failures or requests. `retryAfter` says when to come back, if the authority said it.
        case rateLimited
        /// The authority has refused every new nonce.
        case nonceRefused
        /// The account is unknown or deactivated, or may not do this.
        case accountRefused
        /// The authority requires an external account binding, or does not accept this one.
        case externalAccountRefused
        /// The authority does not issue certificates for this name, or a CAA record forbids it.
        case nameRefused
        /// The authority looked for the challenge's answer and did not find it.
        case validationFailed
        /// The authority offers no challenge of the kind that we can solve.
        case noUsableChallenge
        /// We could not publish the answer to the challenge.
        case challengeNotPresented
        /// The authority has not decided within the polling schedule.
        case undecided
        /// The certificate does not fit the key or the names for which it was ordered.
        case unusableCertificate
        /// A key, a URL or a file on our side cannot be used.
        case invalidInput
        /// Any other refusal.
        case refused
        /// The caller's task was cancelled.
        case cancelled
    }

    package var code: Code
    /// Such as "order a certificate for a.example, *.a.example at https://ca.example/dir".
    package var attempt: String
    package var hint: String?
    /// How long the authority has asked to wait.
    package var retryAfter: Duration?
    package var cause: (any Error & Sendable)?

    /// Whether the same call may succeed later without any change.
    package var isRetryable: Bool {
        switch self.code {
        case .unreachable, .unreadableRoots, .malformedAnswer, .answerTooLarge, .authorityFault, .rateLimited, .nonceRefused, .validationFailed,
            .challengeNotPresented, .undecided, .unusableCertificate:
            true
        case .untrustedServer, .accountRefused, .externalAccountRefused, .nameRefused, .noUsableChallenge, .invalidInput, .refused,
            .cancelled:
            false
        }
    }

    /// Whether the authority may have counted the attempt, as it does to limit orders and failed validations (RFC 8555 §6.6).
    package var mayCount: Bool {
        switch self.code {
        case .unreachable, .untrustedServer, .unreadableRoots, .invalidInput, .cancelled:
            false
        case .malformedAnswer, .answerTooLarge, .authorityFault, .rateLimited, .nonceRefused, .accountRefused, .externalAccountRefused,
            .nameRefused, .validationFailed, .noUsableChallenge, .challengeNotPresented, .undecided, .unusableCertificate, .refused:
            true
        }
    }

    package var description: String {
        var text = "could not \(self.attempt): \(self.code)"
        if let hint { text += " (\(hint))" }
        if let cause { text += ": \(cause)" }
        return text
    }

    package init(
        _ code: Code, _ attempt: String, hint: String? = nil, retryAfter: Duration? = nil, cause: (any Error & Sendable)? = nil
    ) {
        self.code = code
        self.attempt = attempt
        self.hint = hint
        self.retryAfter = retryAfter
        self.cause = cause
    }
}
