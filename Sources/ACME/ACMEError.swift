/// Why a certificate authority gave no certificate: what was tried, whose fault it seems, and what to do about it.
///
/// Neither keys, nonces, signatures nor challenge values are part of the description.
package struct ACMEError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable, Hashable, CaseIterable {
        /// No connection, or no answer in time.
        case unreachable
        /// The authority's own certificate is not signed by anybody we trust.
        case untrustedServer
        /// The file of trusted roots is missing or incomplete, perhaps because it is just being written.
        case unreadableRoots
        /// An answer that is no ACME, or contradicts itself.
        case malformedAnswer
        /// An answer larger than anything an authority has reason to send.
        case answerTooLarge
        /// The authority is broken or under maintenance (HTTP 5xx, `serverInternal`).
        case authorityFault
        /// Too many orders, failures or requests. `retryAfter` says when to come back, if the authority said it.
        case rateLimited
        /// Every replay with a fresh nonce was refused again.
        case nonceRefused
        /// The account is unknown, deactivated, or may not do this.
        case accountRefused
        /// The authority wants, or does not accept, the external account binding.
        case externalAccountRefused
        /// The authority does not sign certificates for this name, or a CAA record forbids it to.
        case nameRefused
        /// The authority looked for the challenge's answer and did not find it.
        case validationFailed
        /// The authority offers no challenge of the kind we can solve.
        case noUsableChallenge
        /// Our own side could not publish the answer to the challenge.
        case challengeNotPresented
        /// The authority did not come to a decision within the polling schedule.
        case undecided
        /// A certificate came which does not fit the key or the names it was ordered for.
        case unusableCertificate
        /// A key, a URL or a file of ours that cannot be used.
        case invalidInput
        /// Any other refusal.
        case refused
        /// The caller's task was cancelled.
        case cancelled
    }

    package var code: Code
    /// For instance "order a certificate for a.example, *.a.example at https://ca.example/dir".
    package var attempt: String
    package var hint: String?
    /// How long the authority asked to wait.
    package var retryAfter: Duration?
    package var cause: (any Error & Sendable)?

    /// Whether the same call may succeed without anybody changing anything.
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
