import ACME
import Foundation
import Testing

@testable import CertificateCore

@Suite("When a certificate is ordered") struct RenewalMachineTests {
    /// Ninety days, as most authorities give them.
    static let start = Date(timeIntervalSince1970: 1_700_000_000)
    static let day: TimeInterval = 86_400

    static func days(_ count: Double) -> Date { self.start.addingTimeInterval(count * self.day) }

    static func certificate(days: Double = 90, isNamed: Bool = false) -> RenewalMachine.Certificate {
        RenewalMachine.Certificate(notBefore: self.start, notAfter: self.days(days), isNamed: isNamed)
    }

    static func machine(_ certificate: RenewalMachine.Certificate?) -> RenewalMachine {
        var machine = RenewalMachine(spread: 0.5)
        machine.found(certificate)
        return machine
    }

    @Test("at once when there is none, or one that has expired")
    func missing() {
        #expect(Self.machine(nil).next(at: Self.start) == .order(.missing))
        #expect(Self.machine(Self.certificate()).next(at: Self.days(90)) == .order(.missing))
    }

    @Test("when a third of the lifetime is left, however long that is", arguments: [6.0, 47, 90, 398])
    func third(lifetime: Double) {
        let machine = Self.machine(Self.certificate(days: lifetime))
        let due = Self.days(lifetime * 2 / 3)
        #expect(machine.next(at: due.addingTimeInterval(-1)) == .wait(until: due))
        #expect(machine.next(at: due) == .order(.renewalTime))
    }

    @Test("when the authority suggests it, for instance because the certificate will be revoked, and not before")
    func suggested() {
        var machine = Self.machine(Self.certificate(isNamed: true))
        #expect(machine.next(at: Self.days(1)) == .askAuthority)
        machine.answered(
            RenewalInformation(start: Self.days(9), end: Self.days(11), retryAfter: .seconds(86_400 * 7)), at: Self.days(1))
        #expect(machine.next(at: Self.days(2)) == .wait(until: Self.days(8)))
        #expect(machine.next(at: Self.days(8)) == .askAuthority)
        machine.answered(RenewalInformation(start: Self.days(9), end: Self.days(11), retryAfter: .seconds(86_400 * 7)), at: Self.days(8))
        #expect(machine.next(at: Self.days(9)) == .wait(until: Self.days(10)))
        #expect(machine.next(at: Self.days(10)) == .order(.suggested))
    }

    @Test("a suggestion later than a third before the end does not delay")
    func lateSuggestion() {
        var machine = Self.machine(Self.certificate(isNamed: true))
        machine.answered(RenewalInformation(start: Self.days(80), end: Self.days(85), retryAfter: .seconds(86_400)), at: Self.days(59.9))
        #expect(machine.next(at: Self.days(60)) == .order(.renewalTime))
    }

    @Test("an authority that cannot be asked is asked again after six hours, and what it said before still holds")
    func silentAuthority() {
        var machine = Self.machine(Self.certificate(isNamed: true))
        machine.answered(RenewalInformation(start: Self.days(9), end: Self.days(11), retryAfter: .seconds(3600)), at: Self.days(1))
        machine.answered(nil, at: Self.days(2))
        #expect(machine.next(at: Self.days(2.1)) == .wait(until: Self.days(2.25)))
        #expect(machine.next(at: Self.days(2.25)) == .askAuthority)
        #expect(machine.next(at: Self.days(10)) == .order(.suggested))
    }

    @Test("C4: after failures ever more rarely, with a part by chance, and never sooner than the authority asks for")
    func retries() {
        var machine = Self.machine(nil)
        var now = Self.start
        for wait in [60, 300, 900, 1800, 3600, 7200, 14_400, 14_400, 14_400] as [TimeInterval] {
            #expect(machine.next(at: now) == .order(.missing))
            machine.failed(isRetryable: true, retryAfter: nil, random: 0, at: now)
            #expect(machine.next(at: now) == .wait(until: now.addingTimeInterval(wait)))
            now += wait
        }
        machine.failed(isRetryable: true, retryAfter: nil, random: 1, at: now)
        #expect(machine.next(at: now) == .wait(until: now.addingTimeInterval(14_400 * 1.2)))
        machine.failed(isRetryable: true, retryAfter: .seconds(86_400 * 2), random: 1, at: now)
        #expect(machine.next(at: now) == .wait(until: now.addingTimeInterval(86_400 * 2)))
    }

    @Test("a failure that goes away only when somebody changes something is not tried again within the hour")
    func permanent() {
        var machine = Self.machine(nil)
        machine.failed(isRetryable: false, retryAfter: nil, random: 0, at: Self.start)
        #expect(machine.next(at: Self.start) == .wait(until: Self.start.addingTimeInterval(3600)))
    }

    @Test("a new certificate ends the series of failures; the same one does not")
    func success() {
        var machine = Self.machine(Self.certificate())
        let now = Self.days(61)
        machine.failed(isRetryable: true, retryAfter: nil, random: 0, at: now)
        machine.found(Self.certificate())
        #expect(machine.next(at: now) == .wait(until: now.addingTimeInterval(60)))
        machine.found(RenewalMachine.Certificate(notBefore: now, notAfter: Self.days(151), isNamed: false))
        #expect(machine.next(at: now) == .wait(until: Self.days(121)))
    }

    @Test("C3: while an order is held off, nothing is ordered, even if nothing can be served")
    func heldOff() {
        var machine = Self.machine(nil)
        machine.holdOff(until: Self.days(1))
        #expect(machine.next(at: Self.start) == .wait(until: Self.days(1)))
        #expect(machine.next(at: Self.days(1)) == .order(.missing))
    }
}
