import ACME
import Foundation
import PlaneTestSupport
import Synchronization
import Testing

@testable import CertificateCore

/// With an authority and a clock of the test's.
@Suite("Certificate refresher") struct CertificateRefresherTests {
    /// Gives what it is told to, and notes who asked.
    final class Authority: CertificateAuthority {
        enum Answer: Sendable {
            case pair(@Sendable (Date) throws -> CertificatePair)
            case failure(ACMEError)
        }

        let clock: Clock
        private let answers: Mutex<[Answer]>
        private let noted = Mutex<[Date]>([])

        init(_ clock: Clock, _ answers: [Answer]) {
            self.clock = clock
            self.answers = Mutex(answers)
        }

        var orders: [Date] { self.noted.withLock { $0 } }

        func issue(names: [String], replaces: String?) async throws -> CertificatePair {
            self.noted.withLock { $0.append(self.clock.now) }
            let answer = self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            switch answer {
            case .pair(let make): return try make(self.clock.now)
            case .failure(let error): throw error
            }
        }

        func renewalInformation(for chain: CertificateChain) async throws -> RenewalInformation? { nil }
    }

    /// Moves only when somebody sleeps, by as long as they sleep; ends the sleepers when its time is over.
    final class Clock: Sendable {
        private let time: Mutex<Date>
        private let end: Date

        init(days: Double) {
            self.time = Mutex(Pairs.now)
            self.end = Pairs.now.addingTimeInterval(days * Pairs.day)
        }

        var now: Date { self.time.withLock { $0 } }

        var refresherTime: CertificateRefresher.Time {
            CertificateRefresher.Time(
                now: { self.now },
                sleep: { duration in
                    let isOver = self.time.withLock { time in
                        time += duration / .seconds(1)
                        return time >= self.end
                    }
                    if isOver { throw CancellationError() }
                }, random: { 0 })
        }
    }

    let directory: TemporaryDirectory
    let files: CertificateFiles
    let log = LogRecorder()

    init() throws {
        self.directory = try TemporaryDirectory()
        self.files = CertificateFiles(certPath: self.directory.file("cert.pem"), keyPath: self.directory.file("key.pem"))
    }

    static let fresh = Authority.Answer.pair { now in try Pairs.make(from: now, to: now.addingTimeInterval(90 * Pairs.day)) }
    static let outage = Authority.Answer.failure(ACMEError(.unreachable, "reach https://ca.example/dir"))

    func run(_ clock: Clock, _ authority: Authority, once: Bool = false) async throws {
        try await CertificateRefresher(
            .init(names: Pairs.names, runsOnce: once), files: self.files, authority: authority, time: clock.refresherTime,
            logger: self.log.logger
        ).run()
    }

    @Test("for years it always has a certificate, each ordered when a third of the last one's lifetime was left")
    func years() async throws {
        let clock = Clock(days: 3 * 365)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority)
        #expect(authority.orders.count == 19)
        for (earlier, later) in zip(authority.orders, authority.orders.dropFirst()) {
            #expect(abs(later.timeIntervalSince(earlier) - 60 * Pairs.day) < 3600)
        }
        guard case .usable = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("there is no certificate in the end")
            return
        }
    }

    @Test("C4: an authority that is away for a day is asked about ten times, not more, and the old pair stays")
    func outageOfADay() async throws {
        let old = try Pairs.make(from: Pairs.now.addingTimeInterval(-70 * Pairs.day), to: Pairs.now.addingTimeInterval(20 * Pairs.day))
        try self.files.install(old, names: Pairs.names, now: Pairs.now)
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.outage])
        try await self.run(clock, authority)
        #expect((6...12).contains(authority.orders.count))
        guard case .usable(let pair) = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("the old pair is gone")
            return
        }
        #expect(pair.chain.pem == old.chain.pem)
    }

    @Test("it asks no sooner than a Retry-After says")
    func retryAfter() async throws {
        let clock = Clock(days: 4)
        let limited = ACMEError(.rateLimited, "order", retryAfter: .seconds(3 * 86_400))
        let authority = Authority(clock, [.failure(limited), Self.fresh])
        try await self.run(clock, authority)
        #expect(authority.orders.count == 2)
        #expect(authority.orders[1].timeIntervalSince(authority.orders[0]) >= 3 * Pairs.day)
    }

    @Test("C3: started again and again while the authority refuses, it does not order again and again")
    func crashLoop() async throws {
        let clock = Clock(days: 1.0 / 24 / 60)
        let authority = Authority(clock, [Self.outage])
        for _ in 0..<20 { try await self.run(clock, authority) }
        #expect(authority.orders.count > 2)
        for (earlier, later) in zip(authority.orders, authority.orders.dropFirst()) {
            #expect(later.timeIntervalSince(earlier) >= AttemptMark.pause)
        }
    }

    @Test("a pair for other names is ordered again, and why is said")
    func otherNames() async throws {
        let wildcard = try Pairs.make(names: ["*.plane.test"])
        try self.files.install(wildcard, names: ["*.plane.test"], now: Pairs.now)
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority)
        #expect(authority.orders.count == 1)
        #expect(self.log.text.contains("it does not name plane.test"))
    }

    @Test("what the authority sends is not installed when it is not what was ordered")
    func wrongPair() async throws {
        let good = try Pairs.make(from: Pairs.now.addingTimeInterval(-70 * Pairs.day), to: Pairs.now.addingTimeInterval(20 * Pairs.day))
        try self.files.install(good, names: Pairs.names, now: Pairs.now)
        let clock = Clock(days: 1.0 / 24)
        try await self.run(clock, Authority(clock, [.pair { _ in try Pairs.make(names: ["evil.test"]) }]))
        guard case .usable(let pair) = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("the good pair is gone")
            return
        }
        #expect(pair.chain.pem == good.chain.pem)
    }

    @Test("--once orders when there is none, does nothing when there is a fresh one, and fails when it could not")
    func once() async throws {
        let clock = Clock(days: 1)
        let failing = Authority(clock, [Self.outage])
        await #expect(throws: CertificateRefresher.OrderFailed.self) { try await self.run(clock, failing, once: true) }
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority, once: true)
        try await self.run(clock, authority, once: true)
        #expect(authority.orders.count == 1)
        #expect(clock.now == Pairs.now)
    }

    @Test("neither key nor account reach the log")
    func secrets() async throws {
        let clock = Clock(days: 1)
        try await self.run(clock, Authority(clock, [Self.fresh]))
        let key = try String(contentsOfFile: self.directory.file("key.pem"), encoding: .utf8)
        #expect(!self.log.text.contains(key.split(separator: "\n")[1]))
        #expect(!self.log.text.contains("PRIVATE"))
    }
}
