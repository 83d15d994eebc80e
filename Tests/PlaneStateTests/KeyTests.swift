import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Keys in the state")
struct KeyTests {
    private func key(tag: String = "v1") throws -> BackendKey { try #require(BackendKey(namespace: "games", name: "room-7", tag: tag)) }
    private func now(_ milliseconds: Int64) -> StateTime { StateTime(milliseconds: milliseconds) }

    @Test("a backend's tag and fencing token are those of its assignment; without a key it has none")
    func view() throws {
        let state = fleet(.assign(one, key: try self.key(), fencing: 7), .assign(two))
        #expect(state.backend(one, in: cluster)?.tag == "v1")
        #expect(state.backend(one, in: cluster)?.fencingToken == 7)
        #expect(state.backend(two, in: cluster)?.tag == nil)
        #expect(state.lock(try self.key().lock, in: cluster) == .held(by: one))
    }

    @Test("the next fencing token is the time, and higher than every token of the lock, also where the clock is behind")
    func rises() throws {
        let lock = try self.key().lock
        var stream = Stream()
        #expect(stream.live.nextFencingToken(of: lock, in: cluster, now: self.now(1000)) == 1000)
        stream.append(.assign(one, key: try self.key(), fencing: 5000))
        #expect(stream.live.nextFencingToken(of: lock, in: cluster, now: self.now(1000)) == 5001)
        #expect(stream.live.nextFencingToken(of: lock, in: cluster, now: self.now(9000)) == 9000)
        stream.append(.state(one, .terminated))
        #expect(stream.live.nextFencingToken(of: lock, in: cluster, now: self.now(1000)) == 5001, "an ended holder's counts")
        stream.append(.assign(two, key: try self.key(tag: "v2"), fencing: 5001))
        #expect(stream.live.nextFencingToken(of: lock, in: cluster, now: self.now(1000)) == 5002)
        // Another lock has numbers of its own.
        let other = try #require(BackendKey(name: "other"))
        #expect(stream.live.nextFencingToken(of: other.lock, in: cluster, now: self.now(1000)) == 1000)
    }

    @Test("a token that nothing can be above does not trap")
    func highest() throws {
        let state = fleet(.assign(one, key: try self.key(), fencing: .max))
        #expect(state.nextFencingToken(of: try self.key().lock, in: cluster, now: self.now(1)) == 1 << 53 - 1)
    }

    @Test("what is forgotten of one holder leaves the others' tokens, as a replay of what is left has it")
    func forgotten() throws {
        let lock = try self.key().lock
        var state = fleet(
            .assign(one, key: try self.key(), fencing: 10), .state(one, .exited), .assign(two, key: try self.key(), fencing: 20))
        state.forget(two, in: cluster)
        #expect(state.nextFencingToken(of: lock, in: cluster, now: self.now(1)) == 11)
        state.forget(one, in: cluster)
        #expect(state.nextFencingToken(of: lock, in: cluster, now: self.now(1)) == 1)
    }

    @Test("a second assignment of a backend replaces tag and token")
    func replaced() throws {
        let state = fleet(.assign(one, key: try self.key(), fencing: 10), .assign(one, to: droneB, key: try self.key(tag: "v2"), fencing: 11))
        #expect(state.backend(one, in: cluster)?.tag == "v2")
        #expect(state.backend(one, in: cluster)?.fencingToken == 11)
    }
}
