package import ACME
package import Foundation

/// Decides when a certificate is to be ordered. It knows no files and no network; time is an argument.
package struct RenewalMachine: Sendable {
    /// The properties of the served certificate that the decision depends on.
    package struct Certificate: Hashable, Sendable {
        package var notBefore: Date
        package var notAfter: Date
        /// Whether the authority can be asked about the certificate (RFC 9773 §4.1).
        package var isNamed: Bool

        package init(notBefore: Date, notAfter: Date, isNamed: Bool) {
            self.notBefore = notBefore
            self.notAfter = notAfter
            self.isNamed = isNamed
        }
    }

    package enum Step: Hashable, Sendable {
        /// Order now, for this reason.
        case order(Reason)
        /// Ask the authority when it would like the certificate to be renewed.
        case askAuthority
        /// Do nothing before this time.
        case wait(until: Date)
    }

    package enum Reason: String, Hashable, Sendable {
        /// There is no certificate, or one that cannot be served: for other names, with another key, expired.
        case missing = "there is no usable certificate"
        case renewalTime = "a third of its lifetime or less is left"
        /// The authority suggests it (RFC 9773), for instance because it is going to revoke the certificate.
        case suggested = "the authority suggests to renew it now"
    }

    /// Seconds after which the authority is asked again when to renew, if it could not be asked (RFC 9773 §4.3.3).
    static let askAgain: TimeInterval = 6 * 3600
    /// The divisor of a certificate's lifetime: with so much left (a third) it is renewed.
    static let renewalPart = 3.0

    private let spread: Double
    private var certificate: Certificate?
    /// When the authority would like the certificate to be renewed.
    private var suggestion: Date?
    private var askNext = Date.distantPast
    private var failures = 0
    private var retryAt = Date.distantPast

    /// - Parameter spread: from 0 to 1, random in each process; picks the moment within the window that the authority suggests.
    package init(spread: Double) {
        self.spread = spread
    }

    // MARK: Events

    /// The files have been read.
    /// - Parameter certificate: nil if there is none that can be served. A new one ends the series of failures.
    package mutating func found(_ certificate: Certificate?) {
        guard certificate != self.certificate else { return }
        self.certificate = certificate
        self.suggestion = nil
        self.askNext = .distantPast
        guard certificate != nil else { return }
        self.failures = 0
        self.retryAt = .distantPast
    }

    /// The authority was asked when to renew.
    /// - Parameter information: nil if it offers none, or could not be asked.
    package mutating func answered(_ information: RenewalInformation?, at now: Date) {
        guard let information else {
            // An earlier suggestion still holds.
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

    /// Delays orders until this time, because one failed before this process started, or another drone is ordering.
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

    /// Why the certificate is due; nil if it is not.
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
