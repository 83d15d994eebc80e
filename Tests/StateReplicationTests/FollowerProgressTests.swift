import Foundation
import NATS
import Testing

@testable import StateReplication

@Suite("Whether a follower may compare what it knows with the stream") struct FollowerProgressTests {
    private static let created = "2024-03-11T09:15:30Z"

    /// What the server says of the stream.
    private static func stream(last: UInt64, created: String = created) throws -> StreamSubjects {
        try JSONDecoder().decode(StreamSubjects.self, from: Data(#"{"created":"\#(created)","state":{"first_seq":1,"last_seq":\#(last)}}"#.utf8))
    }

    /// Has applied five messages before the connection was broken.
    private static func broken() -> FollowerProgress {
        let progress = FollowerProgress()
        progress.began(StreamIdentity(createdAt: Self.created))
        for sequence in 1...5 as ClosedRange<UInt64> { _ = progress.applies(nil, sequence: sequence, incarnation: 0) }
        progress.observe(.disconnected)
        return progress
    }

    @Test("what is applied while the server answers keeps it from nothing")
    func busy() throws {
        let progress = Self.broken()
        let gap = try #require(progress.beginComparison())
        #expect(gap.sequence == 5)
        _ = progress.applies(nil, sequence: 9, incarnation: 0)
        #expect(try progress.knows(Self.stream(last: 8), at: gap))
    }

    @Test("a copy that has lost what was applied, and a stream made anew, are told by their messages")
    func others() throws {
        let progress = Self.broken()
        let gap = try #require(progress.beginComparison())
        #expect(try !progress.knows(Self.stream(last: 4), at: gap))
        #expect(try !progress.knows(Self.stream(last: 8, created: "2024-03-11T09:15:31Z"), at: gap))
    }

    @Test("before the first message nothing is known that could have been purged")
    func early() throws {
        let progress = FollowerProgress()
        progress.observe(.disconnected)
        progress.began(StreamIdentity(createdAt: Self.created))
        #expect(try #require(progress.beginComparison()).sequence == nil)
    }

    @Test("a consumer that begins anew has to catch up before a notice of a purge can be applied, and that it has is told once")
    func anew() {
        let progress = FollowerProgress()
        progress.began(StreamIdentity(createdAt: Self.created))
        #expect(!progress.appliesNotice())
        #expect(progress.caughtUp())
        #expect(progress.appliesNotice())
        progress.began(StreamIdentity(createdAt: Self.created))
        #expect(!progress.appliesNotice())
        #expect(!progress.caughtUp())
        #expect(progress.appliesNotice())
    }
}
