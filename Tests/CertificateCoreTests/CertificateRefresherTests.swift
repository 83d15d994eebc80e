import ACME
import Foundation
import NATS
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

        var refresherTime: CertificateRefresher.Time { self.refresherTime(whenAsleep: {}) }

        /// - Parameter whenAsleep: what somebody does meanwhile.
        func refresherTime(whenAsleep happen: @escaping @Sendable () throws -> Void) -> CertificateRefresher.Time {
            CertificateRefresher.Time(
                now: { self.now },
                sleep: { duration in
                    try happen()
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

    func run(_ clock: Clock, _ authority: Authority, sharing: Board? = nil, once: Bool = false) async throws {
        var options = CertificateRefresher.Options(names: Pairs.names, runsOnce: once)
        // Days pass in these tests, and each look reads two files.
        options.longestSleep = .seconds(3600)
        try await CertificateRefresher(
            options, files: self.files, authority: authority, sharing: sharing,
            time: clock.refresherTime, logger: self.log.logger
        ).run()
    }

    /// What the other drones have said.
    final class Board: CertificateSharing {
        struct State {
            var pairs: [CertificatePair?]
            var turns: [OrderPermission]
            var ends: [Date?] = []
            var asked: [Bool] = []
        }

        private let state: Mutex<State>
        private let failure: (any Error)?

        /// - Parameters:
        ///   - pairs: shown one after the other, the last one for good.
        ///   - turns: likewise.
        ///   - failure: of everything.
        init(_ pairs: [CertificatePair?] = [nil], turns: [OrderPermission] = [.ours], failure: (any Error)? = nil) {
            self.state = Mutex(State(pairs: pairs, turns: turns))
            self.failure = failure
        }

        /// How the lease was ended, each time.
        var ends: [Date?] { self.state.withLock { $0.ends } }
        /// Whether each who asked for the lease was in a hurry.
        var asked: [Bool] { self.state.withLock { $0.asked } }
        var shared: CertificatePair? { self.state.withLock { $0.pairs.last ?? nil } }

        func latest() async throws -> CertificatePair? {
            if let failure = self.failure { throw failure }
            return self.state.withLock { $0.pairs.count > 1 ? $0.pairs.removeFirst() : $0.pairs[0] }
        }

        func share(_ pair: CertificatePair) async throws {
            // What others have sealed does not keep us from sealing.
            if let failure = self.failure, !(failure is CertificateSealer.Broken) { throw failure }
            self.state.withLock { $0.pairs = [pair] }
        }

        func takeLease(now: Date, isUrgent: Bool) async throws -> OrderPermission {
            self.state.withLock { state in
                state.asked.append(isUrgent)
                return state.turns.count > 1 ? state.turns.removeFirst() : state.turns[0]
            }
        }

        func whileKeepingLease<Result: Sendable>(_ work: () async -> Result) async -> Result { await work() }

        func endLease(failedUntil time: Date?, now: Date) async { self.state.withLock { $0.ends.append(time) } }
    }

    @Test("for years it always has a certificate, each ordered when a third of the last one's lifetime was left")
    func years() async throws {
        let clock = Clock(days: 3 * 365)
        let authority = Authority(clock, [Self.fresh])
        var options = CertificateRefresher.Options(names: Pairs.names)
        // Not hourly: each look reads two files.
        options.longestSleep = .seconds(12 * 3600)
        try await CertificateRefresher(options, files: self.files, authority: authority, time: clock.refresherTime, logger: self.log.logger).run()
        #expect(authority.orders.count == 19)
        for (earlier, later) in zip(authority.orders, authority.orders.dropFirst()) {
            #expect(abs(later.timeIntervalSince(earlier) - 60 * Pairs.day) < 3600)
        }
        guard case .usable = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("there is no certificate in the end")
            return
        }
    }

    @Test("a certificate that somebody removes, or its key, is ordered anew within a minute", arguments: ["cert.pem", "key.pem"])
    func removed(file: String) async throws {
        let clock = Clock(days: 1.0 / 24)
        let authority = Authority(clock, [Self.fresh])
        let removed = Mutex<Date?>(nil)
        let (path, start) = (self.directory.file(file), clock.now)
        let time = clock.refresherTime {
            guard removed.withLock({ $0 }) == nil, clock.now.timeIntervalSince(start) > 600 else { return }
            try FileManager.default.removeItem(atPath: path)
            removed.withLock { $0 = clock.now }
        }
        try await CertificateRefresher(
            .init(names: Pairs.names), files: self.files, authority: authority, time: time, logger: self.log.logger
        ).run()
        #expect(authority.orders.count == 2)
        let moment = try #require(removed.withLock { $0 })
        #expect(try #require(authority.orders.last).timeIntervalSince(moment) <= 60)
    }

    @Test("a refused external account names the keys of the configuration, in the log and with --once")
    func externalAccount() async throws {
        let clock = Clock(days: 1.0 / 24)
        let authority = Authority(clock, [.failure(ACMEError(.externalAccountRefused, "register an account"))])
        try await self.run(clock, authority)
        #expect(self.log.text.contains("acme.eab.key_id and acme.eab.key"))
        let error = try await #require(throws: CertificateRefresher.OrderFailed.self) { try await self.run(clock, authority, once: true) }
        #expect(error.description.contains("acme.eab.key_id and acme.eab.key"))
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
        let authority = Authority(clock, [.failure(ACMEError(.validationFailed, "order"))])
        for _ in 0..<20 { try await self.run(clock, authority) }
        #expect(authority.orders.count > 2)
        #expect(self.log.text.contains("an order failed shortly before this start"))
        for (earlier, later) in zip(authority.orders, authority.orders.dropFirst()) {
            #expect(later.timeIntervalSince(earlier) >= FailedOrderMarker.pause)
        }
    }

    @Test("started anew after an authority that could not be reached, it asks at once: nothing was counted there")
    func unreachableBefore() async throws {
        let clock = Clock(days: 1.0 / 24 / 60)
        let authority = Authority(clock, [Self.outage, Self.fresh])
        for _ in 0..<2 { try await self.run(clock, authority) }
        #expect(authority.orders.count == 2)
        #expect(authority.orders[1].timeIntervalSince(authority.orders[0]) < FailedOrderMarker.pause)
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

    // MARK: Sharing

    @Test("C4: a fresh pair that another drone has shared is taken over, and nothing is ordered")
    func takesOver() async throws {
        let pair = try Pairs.make()
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority, sharing: Board([pair]))
        #expect(authority.orders.isEmpty)
        guard case .usable(let found) = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("nothing was taken over")
            return
        }
        #expect(found.chain.pem == pair.chain.pem)
    }

    @Test("what was shared between the first look and the lease is taken over, and the lease given up")
    func takesOverWithLease() async throws {
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.fresh])
        let board = Board([nil, try Pairs.make()])
        try await self.run(clock, authority, sharing: board)
        #expect(authority.orders.isEmpty)
        #expect(board.ends == [nil])
    }

    @Test("a shared pair that is due itself, or for other names, is not taken over")
    func badShared() async throws {
        for bad in [
            try Pairs.make(from: Pairs.now.addingTimeInterval(-70 * Pairs.day), to: Pairs.now.addingTimeInterval(20 * Pairs.day)),
            try Pairs.make(names: ["other.test"]),
        ] {
            // Not there the first time.
            try? FileManager.default.removeItem(atPath: self.directory.file("cert.pem"))
            let clock = Clock(days: 1)
            let authority = Authority(clock, [Self.fresh])
            try await self.run(clock, authority, sharing: Board([bad]))
            #expect(authority.orders.count == 1)
        }
    }

    @Test("an older pair that is shared again is not taken over, even where the newer one on the disk cannot be served", arguments: [true, false])
    func replayed(isServed: Bool) async throws {
        let old = try Pairs.make(from: Pairs.now.addingTimeInterval(-10 * Pairs.day), to: Pairs.now.addingTimeInterval(80 * Pairs.day))
        let newer = try Pairs.make(from: Pairs.now.addingTimeInterval(-Pairs.day), to: Pairs.now.addingTimeInterval(89 * Pairs.day))
        try self.files.install(newer, names: Pairs.names, now: Pairs.now)
        if !isServed { try FileManager.default.removeItem(atPath: self.files.keyPath) }
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority, sharing: Board([old]))
        #expect(authority.orders.count == (isServed ? 0 : 1))
        guard case .usable(let found) = try self.files.load(names: Pairs.names, now: clock.now) else {
            Issue.record("there is no certificate")
            return
        }
        #expect(found.chain.pem != old.chain.pem)
    }

    @Test("a pair that was sealed with another secret is passed over, and replaced by the next order, under the lease")
    func otherSecret() async throws {
        let clock = Clock(days: 0.01)
        let authority = Authority(clock, [Self.fresh])
        let board = Board(failure: CertificateSealer.Broken())
        try await self.run(clock, authority, sharing: board)
        #expect(authority.orders.count == 1)
        #expect(board.asked == [false])
        #expect(board.shared != nil)
        #expect(self.log.text.contains("cert.shared_secret"))
    }

    @Test("while another drone orders, this one waits, and takes the pair over as soon as it is shared")
    func waitsForOther() async throws {
        let clock = Clock(days: 0.01)
        let authority = Authority(clock, [Self.fresh])
        let pair = try Pairs.make()
        try await self.run(clock, authority, sharing: Board([nil, nil, pair], turns: [.othersOrder]))
        #expect(authority.orders.isEmpty)
        #expect(try String(contentsOfFile: self.files.certPath, encoding: .utf8) == pair.chain.pem)
    }

    @Test("a drone that keeps the lease for hours and shares nothing does not keep this one from ordering")
    func leaseWithoutEnd() async throws {
        let clock = Clock(days: 0.5)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority, sharing: Board(turns: [.othersOrder]))
        #expect(authority.orders.count == 1)
        let waited = try #require(authority.orders.first).timeIntervalSince(Pairs.now)
        #expect((3600...3660).contains(waited))
        #expect(self.log.text.contains("this drone orders its own"))
    }

    @Test("--once waits for another drone's order for five minutes, and then fails and says why")
    func onceWaits() async throws {
        let clock = Clock(days: 1)
        let authority = Authority(clock, [Self.fresh])
        let board = Board(turns: [.othersOrder])
        let failure = await #expect(throws: CertificateRefresher.OrderFailed.self) {
            try await self.run(clock, authority, sharing: board, once: true)
        }
        #expect(failure?.description.contains("another drone of the cluster") == true)
        #expect(clock.now == Pairs.now.addingTimeInterval(300))
        #expect(authority.orders.isEmpty)
        #expect(board.asked.allSatisfy { $0 })
        try await self.run(clock, authority, sharing: Board([nil, nil, try Pairs.make()], turns: [.othersOrder]), once: true)
        #expect(authority.orders.isEmpty)
    }

    @Test("C4: after another drone's failure nobody tries before its time, but whether it has succeeded after all is looked up")
    func failedElsewhere() async throws {
        let until = Pairs.now.addingTimeInterval(3600)
        let clock = Clock(days: 0.01)
        let authority = Authority(clock, [Self.fresh])
        let board = Board(turns: [.afterFailure(until: until)])
        try await self.run(clock, authority, sharing: board)
        #expect(authority.orders.isEmpty)
        #expect(board.asked.count == 2)
        let failure = await #expect(throws: CertificateRefresher.OrderFailed.self) {
            try await self.run(clock, authority, sharing: board, once: true)
        }
        #expect(failure?.description.contains("an order of another drone of the cluster failed") == true)
    }

    @Test("the lease ends with the order that succeeds; after one that fails, others wait as long as this one does")
    func leaseEnds() async throws {
        let clock = Clock(days: 0.01)
        let board = Board()
        try await self.run(clock, Authority(clock, [Self.outage, Self.fresh]), sharing: board)
        #expect(board.ends == [Pairs.now.addingTimeInterval(60), nil])
        #expect(board.shared != nil)
    }

    @Test("while NATS is away the authority is left alone; where there is no stream to share through, the drone orders its own and says so")
    func cannotShare() async throws {
        let clock = Clock(days: 0.5)
        let authority = Authority(clock, [Self.fresh])
        try await self.run(clock, authority, sharing: Board(failure: NATSError(.timedOut, attempt: "STREAM.MSG.GET.plane_certificates")))
        #expect(authority.orders.isEmpty)
        #expect(self.log.text.contains("no new certificate; the old one, if any, stays"))
        let later = Clock(days: 1)
        let asked = Authority(later, [Self.fresh])
        try await self.run(later, asked, sharing: Board(failure: NATSError(.streamNotFound, attempt: "STREAM.MSG.GET.plane_certificates")))
        #expect(asked.orders.count == 1)
        #expect(self.log.text.contains("certificates cannot be shared"))
    }
}
