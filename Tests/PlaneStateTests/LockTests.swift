import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Locks in the fold")
struct LockTests {
    @Test("a lock is announced, then held by the backend assigned with it, then free when that has ended")
    func life() {
        var stream = Stream()
        #expect(stream.live.lock(lock, in: cluster) == .free)
        stream.append(.announce(lock, 7))
        #expect(stream.live.lock(lock, in: cluster) == .announced(7))
        stream.append(.assign(one, lock: (lock, 7)))
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
        stream.append(.state(one, .ready))
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
        stream.append(.state(one, .swept))
        #expect(stream.live.lock(lock, in: cluster) == .free)
        stream.append(.announce(lock, 8))
        #expect(stream.live.lock(lock, in: cluster) == .announced(8))
    }

    @Test("a backend that is being ended holds its lock, and says so, until it has ended")
    func ending() {
        var stream = Stream()
        for message: StateMessage in [.assign(one, lock: (lock, 7)), .state(one, .ready)] { stream.append(message) }
        #expect(stream.live.backend(one, in: cluster)?.isEnding == false)
        stream.append(.ending(one))
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
        #expect(stream.live.backend(one, in: cluster)?.isEnding == true)
        #expect(stream.live.backend(one, in: cluster)?.state == .ready)
        #expect(stream.replayed.backend(one, in: cluster) == stream.live.backend(one, in: cluster))
        stream.append(.state(one, .terminated))
        #expect(stream.live.lock(lock, in: cluster) == .free)
        #expect(stream.live.backend(one, in: cluster)?.isEnding == false)
    }

    @Test("it is known how a backend is being ended: softly, or hard, which nothing makes soft again")
    func endingKinds() {
        var stream = Stream()
        for message: StateMessage in [.assign(one, lock: (lock, 7)), .state(one, .ready), .ending(one, .soft)] { stream.append(message) }
        #expect(stream.live.backend(one, in: cluster)?.ending == .soft)
        stream.append(.ending(one, .hard))
        #expect(stream.live.backend(one, in: cluster)?.ending == .hard)
        stream.append(.ending(one, .soft))
        #expect(stream.live.backend(one, in: cluster)?.ending == .hard)
        stream.append(.state(one, .terminated))
        #expect(stream.live.backend(one, in: cluster)?.ending == nil)
    }

    @Test("an announcement lapses at the first heartbeat 30 whole seconds after it, and at no other message")
    func expiry() {
        var stream = Stream()
        stream.append(.announce(lock, 7), at: 100)
        stream.append(.heartbeat, at: 129)
        #expect(stream.live.lock(lock, in: cluster) == .announced(7))
        stream.append(.register(droneA), at: 500)
        #expect(stream.live.lock(lock, in: cluster) == .announced(7))
        stream.append(.heartbeat, at: 130)
        #expect(stream.live.lock(lock, in: cluster) == .free)
    }

    @Test("a lock that is held does not lapse")
    func heldForever() {
        var stream = Stream()
        stream.append(.announce(lock, 7), at: 100)
        stream.append(.assign(one, lock: (lock, 7)), at: 101)
        stream.append(.heartbeat, at: 100_000)
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
    }

    @Test("uids through the full unsigned range are told apart", arguments: [1 << 53, 1 << 63, .max - 1] as [UInt64])
    func largeUIDs(uid: UInt64) {
        #expect(fleet(.announce(lock, uid), .revoke(lock, uid + 1)).lock(lock, in: cluster) == .announced(uid))
        #expect(fleet(.announce(lock, uid), .revoke(lock, uid)).lock(lock, in: cluster) == .free)
    }

    @Test("W1: a contended lock keeps its assignment in a process that starts later")
    func lostAnnouncement() {
        var stream = Stream()
        stream.append(.register(droneA))
        stream.append(.announce(lock, 1))
        stream.append(.announce(lock, 2))  // evicts the announcement that wins
        stream.append(.assign(one, lock: (lock, 1)))
        for fleet in [stream.live, stream.replayed] {
            #expect(fleet.lock(lock, in: cluster) == .held(by: one))
            #expect(fleet.address(of: one, in: cluster) == addressA)
        }
        stream.append(.heartbeat, at: 1000)
        for fleet in [stream.live, stream.replayed] { #expect(fleet.lock(lock, in: cluster) == .held(by: one)) }
    }

    @Test("W1: the announcement's place in the stream is there to be expected by the next writer")
    func compareAndSet() {
        var stream = Stream()
        #expect(stream.live.announcementSequence(of: lock, in: cluster) == 0)
        stream.append(.heartbeat)
        stream.append(.announce(lock, 1))
        stream.append(.heartbeat, at: 1000)
        #expect(stream.live.lock(lock, in: cluster) == .free)
        #expect(stream.live.announcementSequence(of: lock, in: cluster) == 2)
        #expect(stream.replayed.announcementSequence(of: lock, in: cluster) == 2)
    }

    @Test("W2: two announcements that crossed leave every reader with the same holder")
    func crossedAnnouncements() {
        // One reader saw both, the other only the one that evicted the first.
        let both = fleet(.announce(lock, 1), .announce(lock, 2), .assign(one, lock: (lock, 1)), .assign(two, lock: (lock, 2)))
        let last = fleet(.announce(lock, 2), .assign(one, lock: (lock, 1)), .assign(two, lock: (lock, 2)))
        #expect(both.lock(lock, in: cluster) == .held(by: one))
        #expect(last.lock(lock, in: cluster) == .held(by: one))
    }

    @Test("W3: an ended backend of the same lock is never the holder")
    func oldAssignment() {
        var stream = Stream()
        stream.append(.assign(one, lock: (lock, 1)))
        stream.append(.state(one, .exited))
        stream.append(.announce(lock, 2))
        for fleet in [stream.live, stream.replayed] { #expect(fleet.lock(lock, in: cluster) == .announced(2)) }
        stream.append(.assign(two, lock: (lock, 2)))
        for fleet in [stream.live, stream.replayed] { #expect(fleet.lock(lock, in: cluster) == .held(by: two)) }
    }

    @Test("W4: a revocation frees the lock at once, and only for the announcement it names")
    func revocation() {
        #expect(fleet(.announce(lock, 1), .revoke(lock, 1)).lock(lock, in: cluster) == .free)
        #expect(fleet(.announce(lock, 1), .revoke(lock, 2)).lock(lock, in: cluster) == .announced(1))
        #expect(fleet(.revoke(lock, 1), .announce(lock, 1)).lock(lock, in: cluster) == .announced(1))
        #expect(fleet(.announce(lock, 1), .assign(one, lock: (lock, 1)), .revoke(lock, 1)).lock(lock, in: cluster) == .held(by: one))
    }

    @Test("W5: a backend that has ended before its assignment came does not hold the lock", arguments: BackendState.allCases)
    func endedBeforeAssignment(state: BackendState) {
        let fleet = fleet(.announce(lock, 1), .state(one, state), .assign(one, lock: (lock, 1)))
        #expect(fleet.lock(lock, in: cluster) == (state.isTerminal ? .free : .held(by: one)))
    }

    @Test("W6: the lock stays with its first holder when another backend is assigned with it")
    func foreignAssignment() {
        var stream = Stream()
        stream.append(.assign(one, lock: (lock, 1)))
        stream.append(.assign(two, lock: (lock, 2)))
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
        stream.append(.state(two, .failed))
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
    }

    @Test("W6: the end of the first holder leaves the lock with the other backend that runs for it")
    func remainingClaim() {
        let fleet = fleet(.assign(one, lock: (lock, 1)), .assign(two, lock: (lock, 2)), .state(one, .swept))
        #expect(fleet.lock(lock, in: cluster) == .held(by: two))
    }

    @Test("W7: an assignment that comes after its announcement lapsed counts all the same")
    func lateAssignment() {
        var stream = Stream()
        stream.append(.register(droneA), at: 99)
        stream.append(.announce(lock, 1), at: 100)
        stream.append(.heartbeat, at: 131)
        #expect(stream.live.lock(lock, in: cluster) == .free)
        stream.append(.assign(one, lock: (lock, 1)), at: 132)
        #expect(stream.live.lock(lock, in: cluster) == .held(by: one))
        #expect(stream.live.address(of: one, in: cluster) == addressA)
    }

    @Test("a backend assigned again with another lock, or none, gives the first one up")
    func reassignment() {
        let other = LockName(rawValue: "other")!
        let moved = fleet(.assign(one, lock: (lock, 1)), .assign(one, lock: (other, 2)))
        #expect(moved.lock(lock, in: cluster) == .free)
        #expect(moved.lock(other, in: cluster) == .held(by: one))
        #expect(fleet(.assign(one, lock: (lock, 1)), .assign(one)).lock(lock, in: cluster) == .free)
    }

    @Test("a lock is a lock of its cluster")
    func scope() {
        let fleet = fleet(.assign(one, lock: (lock, 1)))
        #expect(fleet.lock(lock, in: ClusterName(rawValue: "elsewhere")!) == .free)
    }

    @Test("W13: what was purged is forgotten: the announcement, and the backend with its claim")
    func purge() {
        var stream = Stream()
        stream.append(.announce(lock, 1))
        stream.purge(lock)
        #expect(stream.live.lock(lock, in: cluster) == .free)
        #expect(stream.live.announcementSequence(of: lock, in: cluster) == 0)
        stream.append(.assign(one, lock: (lock, 1)))
        stream.purge(one)
        #expect(stream.live.lock(lock, in: cluster) == .free)
        #expect(stream.live.backend(one, in: cluster) == nil)
    }
}
