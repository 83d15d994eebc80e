import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@Suite("What the proxies of the tier say of themselves", .timeLimit(.minutes(10))) struct TierProxiesTests {
    private let start = ContinuousClock.now

    private func status(
        _ proxy: String = "px-1", of cluster: String = "plane.test", version: String = "1", isReady: Bool = true, open: UInt64? = nil, age: UInt64? = nil,
        process: UInt64? = nil, hasEnded: Bool? = nil
    ) throws -> ProxyStatusMessage {
        ProxyStatusMessage(
            proxy: try #require(ProxyID(rawValue: proxy)), cluster: try .make(cluster), version: version, isReady: isReady, openRequests: open, stateAge: age,
            process: process, hasEnded: hasEnded)
    }

    @Test("a proxy that is being replaced is one: what both processes have open is added up, the version is the new one, and the older state counts")
    func sum() throws {
        var tier = TierProxies()
        tier.hear(try self.status(version: "1", open: 500, age: 1, process: 7), at: self.start)
        tier.hear(try self.status(version: "2", open: 20, age: 3, process: 3), at: self.start + .seconds(1))
        // Whichever has spoken last.
        tier.hear(try self.status(version: "1", open: 499, age: 1, process: 7), at: self.start + .seconds(2))
        let heard = tier.proxies(at: self.start + .seconds(2))
        #expect(heard.map(\.status) == [try self.status(version: "2", open: 519, age: 3)])
        #expect(heard.first?.heardAt == self.start + .seconds(2))
        #expect(tier.serving(nil, at: self.start).count == 2)
    }

    @Test("a successor that does not know the state yet makes no proxy unready, and is not waited for")
    func successor() throws {
        var tier = TierProxies()
        tier.hear(try self.status(open: 5, age: 2, process: 1), at: self.start)
        tier.hear(try self.status(isReady: false, open: 0, age: 900, process: 2), at: self.start)
        #expect(tier.proxies(at: self.start).map(\.status) == [try self.status(open: 5, age: 2)])
        #expect(tier.serving(nil, at: self.start) == [TierProcess(try self.status(process: 1))])
    }

    @Test("a process that takes leave counts no more at once, one that is silent after half a minute, and without any there is no such proxy")
    func ends() throws {
        var tier = TierProxies()
        for process in [1, 2] as [UInt64] { tier.hear(try self.status(open: 5, process: process), at: self.start) }
        tier.hear(try self.status(isReady: false, process: 1, hasEnded: true), at: self.start)
        #expect(tier.proxies(at: self.start).map(\.status.openRequests) == [5])
        #expect(tier.serving(nil, at: self.start).count == 1)
        #expect(tier.proxies(at: self.start + .seconds(30)).count == 1)
        #expect(tier.proxies(at: self.start + .seconds(31)).isEmpty && tier.serving(nil, at: self.start + .seconds(31)).isEmpty)
        tier.hear(try self.status(isReady: false, process: 2, hasEnded: true), at: self.start)
        #expect(tier.proxies(at: self.start).isEmpty)
    }

    @Test("proxies of former versions have one process, each cluster its own, and they are told in order")
    func order() throws {
        var tier = TierProxies()
        for status in [try self.status("px-2"), try self.status("px-1", of: "other.test"), try self.status("px-1"), try self.status("px-1", open: 3)] {
            tier.hear(status, at: self.start)
        }
        #expect(tier.proxies(at: self.start).map { "\($0.status.cluster) \($0.status.proxy)" } == ["other.test px-1", "plane.test px-1", "plane.test px-2"])
        #expect(tier.proxies(at: self.start)[1].status.openRequests == 3)
        #expect(tier.serving(try .make("plane.test"), at: self.start).count == 2)
    }

    @Test("of processes that somebody makes up, and of proxies, a bounded number is kept")
    func bounds() throws {
        var tier = TierProxies()
        for process in 0..<200 as Range<UInt64> { tier.hear(try self.status(process: process), at: self.start + .seconds(Int(process) / 100)) }
        #expect(tier.serving(nil, at: self.start + .seconds(2)).count == 64)
        for number in 0..<10_100 { tier.hear(try self.status("px-a\(number)"), at: self.start + .seconds(2)) }
        #expect(tier.proxies(at: self.start + .seconds(2)).count == 10_000)
        // What is silent makes room.
        tier.hear(try self.status("px-new"), at: self.start + .seconds(60))
        #expect(tier.proxies(at: self.start + .seconds(60)).map(\.status.proxy.rawValue) == ["px-new"])
    }

    @Test("a client hears each proxy once, with what it has said last")
    func client() async throws {
        try await withClient { client, scheduler in
            let speaking = Task {
                // Until the client has begun to listen, nobody hears it.
                while !Task.isCancelled {
                    for status in [
                        try self.status("px-2", open: 1), try self.status("px-1", open: 7, process: 1), try self.status("px-1", open: 2, process: 2),
                    ] { try scheduler.connection.publish(WireCodec.encode(status), to: status.subject) }
                    try await scheduler.connection.flush()
                }
            }
            defer { speaking.cancel() }
            let heard = try await client.tierProxies(limit: .seconds(2))
            #expect(heard == [try self.status("px-1", open: 9), try self.status("px-2", open: 1)])
        }
    }
}
