import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCoreConfiguration
import Testing

@testable import SchedulerCore

@Suite("Visitors' tokens of ended backends", .timeLimit(.minutes(10))) struct TokenSweepTests {
    @Test("what belongs to ended and long unknown backends is deleted, and nothing else")
    func sweep() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let (live, ended) = try await (cluster.spawned(), cluster.spawned())
                try await cluster.report(.ready, live.backendID)
                try await cluster.report(.terminated, ended.backendID)
                try await cluster.waitForState("one has ended") { fleet in
                    fleet.ask {
                        $0.backend(ended.backendID, in: TestCluster.name)?.state == .terminated
                            && $0.backend(live.backendID, in: TestCluster.name)?.state == .ready
                    }
                }
                let jetStream = cluster.bus.connection.jetStream
                func hash(_ byte: UInt8) -> TokenHash { TokenHash(digest: [UInt8](repeating: byte, count: 32)) }
                func token(_ backend: BackendID) -> [UInt8] {
                    WireCodec.encode(TokenRecord(backend: backend, cluster: TestCluster.name, issued: .now()))
                }
                func use(_ backend: BackendID) -> [UInt8] { WireCodec.encode(TokenUse(backend: backend, cluster: TestCluster.name)) }
                let kept: [(String, [UInt8])] = [
                    (TokenUse.subject(of: hash(1)), use(live.backendID)),
                    (TokenRecord.subject(of: hash(1)), token(live.backendID)),
                    (TokenRevocation.Scope.visitor(live.backendID, user: hash(9)).subject, WireCodec.encode(TokenRevocation(at: .now()))),
                    ("opened.\(live.backendID)", Array("{}".utf8)), (VisitRecord.subject(user: hash(9), backend: live.backendID), VisitRecord.payload),
                    (TokenRecord.subject(of: hash(3)), Array("of a later version".utf8)),
                    (TokenRevocation.Scope.backend(live.backendID).subject, WireCodec.encode(TokenRevocation(at: .now()))),
                ]
                let gone: [(String, [UInt8])] = [
                    (TokenUse.subject(of: hash(2)), use(ended.backendID)),
                    (TokenRecord.subject(of: hash(2)), token(ended.backendID)),
                    (TokenRevocation.Scope.visitor(ended.backendID, user: hash(9)).subject, WireCodec.encode(TokenRevocation(at: .now()))),
                    ("opened.\(ended.backendID)", Array("{}".utf8)),
                ]
                let unknown = (TokenRecord.subject(of: hash(4)), token(.make("nobody")))
                let everywhere = [TokenRevocation.Scope.user(hash(9)), .key(hash(8)), .token(hash(7))].map(\.subject)
                for subject in everywhere { _ = try await jetStream.publish(WireCodec.encode(TokenRevocation(at: .now())), to: subject) }
                for (subject, payload) in kept + gone + [unknown] { _ = try await jetStream.publish(payload, to: subject) }
                func subjects() async throws -> Set<String> { Set(try await cluster.stream(TokenRecord.stream).map(\.subject)) }

                // A stream that was made a moment ago says nothing of what is not in it.
                var sweep = TokenSweep(jetStream: jetStream, fleet: cluster.fleet, logger: TestCluster.silent)
                #expect(await sweep.advance(now: .now()) == 0)
                cluster.fleet.began(streamAge: .seconds(3600))
                #expect(await sweep.advance(now: .now()) == gone.count)
                #expect(try await subjects() == Set(kept.map(\.0) + [unknown.0] + everywhere))
                let later = StateTime.now().adding(.seconds(601))
                #expect(await sweep.advance(now: later) == 1)
                #expect(try await subjects() == Set(kept.map(\.0) + everywhere))
                #expect(await sweep.advance(now: later) == 0)
                // Longer than any token that they could end.
                #expect(await sweep.advance(now: StateTime.now().adding(.seconds(TokenRevocation.keptSeconds + 60))) == everywhere.count)
                #expect(try await subjects() == Set(kept.map(\.0)))
            }
        }
    }

    @Test("when the stream is more than half full, more is read at once, and what is over, or a note of no token, is deleted after minutes instead of a day")
    func haste() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let live = try await cluster.spawned()
                try await cluster.report(.ready, live.backendID)
                try await cluster.waitForState("it is ready") { $0.ask { $0.backend(live.backendID, in: TestCluster.name)?.state == .ready } }
                let jetStream = cluster.bus.connection.jetStream
                func subject(_ number: Int) -> String {
                    TokenRecord.subject(of: TokenHash(digest: [UInt8](repeating: 0, count: 24) + (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }))
                }
                func write(_ number: Int, endedBefore seconds: Int64) async throws {
                    let end = WireTime(seconds: WireTime.now().seconds - seconds)
                    let record = TokenRecord(backend: live.backendID, cluster: TestCluster.name, expires: end, issued: end)
                    _ = try await jetStream.publish(WireCodec.encode(record), to: subject(number))
                }
                // As many as are read at once where there is room.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for part in 0..<50 {
                        group.addTask { for number in 0..<100 { try await write(part * 100 + number, endedBefore: -3600) } }
                    }
                    try await group.waitForAll()
                }
                try await write(5001, endedBefore: 3600)
                try await write(5002, endedBefore: 60)
                try await write(5003, endedBefore: 2 * 24 * 3600)
                let note = TokenUse.subject(of: TokenHash(digest: [UInt8](repeating: 1, count: 32)))
                _ = try await jetStream.publish(WireCodec.encode(TokenUse(backend: live.backendID, cluster: TestCluster.name)), to: note)
                func last() async throws -> Set<String> { Set(try await cluster.stream(TokenRecord.stream).map(\.subject).suffix(4)) }

                cluster.fleet.began(streamAge: .seconds(3600))
                var patient = TokenSweep(jetStream: jetStream, fleet: cluster.fleet, logger: TestCluster.silent)
                #expect(await patient.advance(now: .now()) == 0)
                #expect(try await last() == [subject(5001), subject(5002), subject(5003), note])
                let bytes = Int64(clamping: try await jetStream.streamInfo(TokenRecord.stream).bytes)
                #expect(try await jetStream.adjustStream(StreamConfiguration(name: TokenRecord.stream, subjects: [], maxBytes: bytes / 2 * 3)))
                var hasty = TokenSweep(jetStream: jetStream, fleet: cluster.fleet, logger: TestCluster.silent)
                #expect(await hasty.advance(now: .now()) == 2)
                var left = try await last()
                #expect(left.isSuperset(of: [subject(5002), note]) && left.isDisjoint(with: [subject(5001), subject(5003)]))
                #expect(await hasty.advance(now: StateTime.now().adding(.seconds(700))) == 2)
                left = try await last()
                #expect(left.isDisjoint(with: [subject(5002), note]))
            }
        }
    }

    @Test(
        "a token that nobody has used for its lifetime, or whose time is over, is deleted with the note of its use; one in use stays, however old",
        arguments: [false, true])
    func ended(keepsUsesApart: Bool) async throws {
        var configuration = SchedulerConfiguration()
        configuration.keepsTokenUsesApart = keepsUsesApart
        try await TestCluster.run(configuration: configuration) { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let live = try await cluster.spawned()
                try await cluster.report(.ready, live.backendID)
                try await cluster.waitForState("it is ready") { $0.ask { $0.backend(live.backendID, in: TestCluster.name)?.state == .ready } }
                let jetStream = cluster.bus.connection.jetStream
                let longAgo = WireTime(seconds: WireTime.now().seconds - 500_000)
                func hash(_ byte: UInt8) -> TokenHash { TokenHash(digest: [UInt8](repeating: byte, count: 32)) }
                func write(_ byte: UInt8, issued: WireTime, lifetime: WireSeconds?, expires: WireTime? = nil, isUsed: Bool = false) async throws {
                    let record = TokenRecord(
                        backend: live.backendID, cluster: TestCluster.name, lifetime: lifetime, expires: expires, issued: issued)
                    _ = try await jetStream.publish(WireCodec.encode(record), to: TokenRecord.subject(of: hash(byte)))
                    guard isUsed else { return }
                    let use = TokenUse(backend: live.backendID, cluster: TestCluster.name)
                    _ = try await jetStream.publish(WireCodec.encode(use), to: TokenUse.subject(of: hash(byte)))
                }
                try await write(1, issued: longAgo, lifetime: 3600)
                try await write(2, issued: longAgo, lifetime: 3600, isUsed: true)
                try await write(3, issued: longAgo, lifetime: nil)
                try await write(4, issued: .now(), lifetime: 3600)
                try await write(5, issued: longAgo, lifetime: nil, expires: longAgo)
                try await write(6, issued: longAgo, lifetime: WireSeconds(rawValue: .max), isUsed: true)
                // Of a token whose record was pushed out.
                let orphan = TokenUse.subject(of: hash(7))
                _ = try await jetStream.publish(WireCodec.encode(TokenUse(backend: live.backendID, cluster: TestCluster.name)), to: orphan)
                func tokens() async throws -> Set<String> {
                    let apart = keepsUsesApart ? try await cluster.stream(TokenUse.stream) : []
                    return Set((try await cluster.stream(TokenRecord.stream) + apart).map(\.subject))
                }
                func both(_ byte: UInt8) -> Set<String> { [TokenRecord.subject(of: hash(byte)), TokenUse.subject(of: hash(byte))] }

                var sweep = TokenSweep(jetStream: jetStream, fleet: cluster.fleet, logger: TestCluster.silent)
                cluster.fleet.began(streamAge: .seconds(3600))
                #expect(await sweep.advance(now: .now()) == 2)
                var left = both(2).union(both(6)).union([TokenRecord.subject(of: hash(3)), TokenRecord.subject(of: hash(4)), orphan])
                #expect(try await tokens() == left)
                // While NATS takes no writes no proxy can tell what is in use; a note without its token goes after a day.
                #expect(await sweep.advance(now: StateTime.now().adding(.seconds(3600 + 1000))) == 0)
                #expect(await sweep.advance(now: StateTime.now().adding(.seconds(24 * 3600 + 3000))) == 1)
                left.remove(orphan)
                #expect(try await tokens() == left)
                #expect(await sweep.advance(now: StateTime.now().adding(.seconds(25 * 3600 + 100))) > 0)
                left.subtract(both(2).union(both(4)))
                #expect(try await tokens() == left)
            }
        }
    }

    @Test("a note from before the notes had a stream of their own counts; where notes were forgotten because there are too many, none means nothing")
    func notesApart() async throws {
        var configuration = SchedulerConfiguration()
        configuration.keepsTokenUsesApart = true
        try await TestCluster.run(configuration: configuration) { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let live = try await cluster.spawned()
                try await cluster.report(.ready, live.backendID)
                try await cluster.waitForState("it is ready") { $0.ask { $0.backend(live.backendID, in: TestCluster.name)?.state == .ready } }
                let jetStream = cluster.bus.connection.jetStream
                func hash(_ byte: UInt8) -> TokenHash { TokenHash(digest: [UInt8](repeating: byte, count: 32)) }
                let longAgo = WireTime(seconds: WireTime.now().seconds - 500_000)
                let record = WireCodec.encode(TokenRecord(backend: live.backendID, cluster: TestCluster.name, lifetime: 3600, issued: longAgo))
                let note = WireCodec.encode(TokenUse(backend: live.backendID, cluster: TestCluster.name))
                for byte in 1...3 as ClosedRange<UInt8> { _ = try await jetStream.publish(record, to: TokenRecord.subject(of: hash(byte))) }
                let subjects = try await (jetStream.streamInfo(TokenRecord.stream).subjects, jetStream.streamInfo(TokenUse.stream).subjects)
                // As it was before.
                try await jetStream.setSubjects([TokenUse.stream], of: TokenUse.stream)
                try await jetStream.setSubjects(subjects.0 + subjects.1, of: TokenRecord.stream)
                _ = try await jetStream.publish(note, to: TokenUse.subject(of: hash(1)))
                try await jetStream.setSubjects(subjects.0, of: TokenRecord.stream)
                try await jetStream.setSubjects(subjects.1, of: TokenUse.stream)
                _ = try await jetStream.publish(note, to: TokenUse.subject(of: hash(2)))
                func tokens() async throws -> Set<String> { Set(try await cluster.stream(TokenRecord.stream).map(\.subject)).filter { $0.hasPrefix("token.") } }

                cluster.fleet.began(streamAge: .seconds(3600))
                let limits = try await jetStream.streamInfo(TokenUse.stream)
                let bytes = Int64(clamping: limits.bytes)
                #expect(
                    try await jetStream.adjustStream(
                        StreamConfiguration(name: TokenUse.stream, subjects: [], maxAge: .seconds(40 * 24 * 3600), maxBytes: bytes)))
                var sweep = TokenSweep(jetStream: jetStream, fleet: cluster.fleet, logger: TestCluster.silent)
                #expect(await sweep.advance(now: .now()) == 0)
                #expect(
                    try await jetStream.adjustStream(
                        StreamConfiguration(
                            name: TokenUse.stream, subjects: [], maxAge: .seconds(40 * 24 * 3600), maxBytes: Int64(clamping: limits.maxBytes ?? 0))))
                #expect(await sweep.advance(now: .now()) == 1)
                #expect(try await tokens() == [TokenRecord.subject(of: hash(1)), TokenRecord.subject(of: hash(2))])
            }
        }
    }
}
