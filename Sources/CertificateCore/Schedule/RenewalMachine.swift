package import ACME
package import Foundation

/// Decides when a certificate is to be ordered. Knows neither files, network nor the time.
package struct RenewalMachine: Sendable {
    /// What matters of the certificate that is served.
    package struct Certificate: Hashable, Sendable {
        package var notBefore: Date
        package var notAfter: Date
        /// Whether the authority can be asked about it (RFC 9773 §4.1).
        package var isNamed: Bool

        package init(notBefore: Date, notAfter: Date, isNamed: Bool) {
            self.notBefore = notBefore
            self.notAfter = notAfter
            self.isNamed = isNamed
        }
    }

    package enum Step: Hashable, Sendable {
        /// Order now, because of this.
        case order(Reason)
        /// Ask the authority when it would like the certificate to be renewed.
        case askAuthority
        /// Nothing to do before this time.
        case wait(until: Date)
    }

    package enum Reason: String, Hashable, Sendable {
        /// There is none, or one that cannot be served: for other names, with another key, expired.
        case missing = "there is no usable certificate"
        case renewalTime = "a third of its lifetime or less is left"
        /// For instance because it is going to be revoked.
        case suggested = "the authority suggests to renew it now"
    }

    /// An authority that could not be asked when to renew is asked again after so long (RFC 9773 §4.3.3).
    static let askAgain: TimeInterval = 6 * 3600
    /// Part of the lifetime that is left when it is renewed.
    static let renewalPart = 3.0

    private let spread: Double
    private var certificate: Certificate?
    /// When the authority would like to renew.
    private var suggestion: Date?
    private var askNext = Date.distantPast
    private var failures = 0
    private var retryAt = Date.distantPast

    /// - Parameter spread: from 0 to 1, different in each process: picks the moment in the window that the authority suggests.
    package init(spread: Double) {
        self.spread = spread
    }

    // MARK: Events

    /// What lies in the files now; nil if nothing that can be served. A new certificate ends the series of failures.
    package mutating func found(_ certificate: Certificate?) {
        guard certificate != self.certificate else { return }
        self.certificate = certificate
        self.suggestion = nil
        self.askNext = .distantPast
        guard certificate != nil else { return }
        self.failures = 0
        self.retryAt = .distantPast
    }

    /// What the authority says; nil if it says nothing, or could not be asked.
    package mutating func answered(_ information: RenewalInformation?, at now: Date) {
        guard let information else {
            // What it said before still holds.
            self.askNext = now.addingTimeInterval(Self.askAgain)
            return
        }
        self.suggestion = information.moment(self.spread)
        self.askNext = now.addingTimeInterval(max(information.retryAfter / .seconds(1), 60))
    }

    /// - Parameter random: from 0 to 1.
    package mutating func failed(isRetryable: Bool, retryAfter: Duration?, random: Double, at now: Date) {
        self.failures += 1
        let wait = RetryTable.wait(failures: self.failures, isRetryable: isRetryable, retryAfter: retryAfter, random: random)
        self.retryAt = now.addingTimeInterval(wait / .seconds(1))
    }

    /// An order was tried before this process began, or somebody else is at it: none before this time.
    package mutating func holdOff(until time: Date) {
        self.retryAt = max(self.retryAt, time)
    }

    // MARK: Decision

    package func next(at now: Date) -> Step {
        if let reason = self.reason(at: now) {
            return self.retryAt <= now ? .order(reason) : .wait(until: self.retryAt)
        }
        guard let certificate = self.certificate else { return .wait(until: self.retryAt) }
        if certificate.isNamed, self.askNext <= now { return .askAuthority }
        let due = max(min(Self.renewalTime(of: certificate), self.suggestion ?? .distantFuture), self.retryAt)
        return .wait(until: certificate.isNamed ? min(due, self.askNext) : due)
    }

    /// Why it is to be renewed, if it is.
    private func reason(at now: Date) -> Reason? {
        guard let certificate = self.certificate, now < certificate.notAfter else { return .missing }
        if now >= Self.renewalTime(of: certificate) { return .renewalTime }
        if let suggestion = self.suggestion, suggestion <= now { return .suggested }
        return nil
    }

    package static func renewalTime(of certificate: Certificate) -> Date {
        let lifetime = certificate.notAfter.timeIntervalSince(certificate.notBefore)
        return certificate.notAfter.addingTimeInterval(-lifetime / Self.renewalPart)
    }
}

extension RenewalMachine.Certificate {
    package init(_ chain: CertificateChain) {
        self.init(notBefore: chain.notBefore, notAfter: chain.notAfter, isNamed: chain.renewalID != nil)
    }
}
