import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Lost drone watch") struct LostDroneWatchTests {
    static let limit: Duration = .seconds(300)
    static let start = StateTime(milliseconds: 1_710_148_530_000)

    static func after(_ seconds: Int64) -> StateTime { StateTime(milliseconds: self.start.rawValue + seconds * 1000) }

    /// A watch that has listened from `start`, every second.
    static func watch(seconds: ClosedRange<Int64>) -> LostDroneWatch {
        var watch = LostDroneWatch()
        for second in seconds { watch.tick(at: Self.after(second), isListening: true) }
        return watch
    }

    @Test("S9: a drone is lost when it was silent for the limit, and not a second before", arguments: [(399, false), (400, true), (500, true)])
    func limit(second: Int64, isLost: Bool) {
        let watch = Self.watch(seconds: 0...second)
        #expect(watch.isLost(lastHeard: Self.after(100), limit: Self.limit, now: Self.after(second)) == isLost)
    }

    @Test("who has just begun to listen holds no silence against anybody", arguments: [(299, false), (300, true)])
    func beginner(second: Int64, isLost: Bool) {
        let watch = Self.watch(seconds: 0...second)
        #expect(watch.isLost(lastHeard: nil, limit: Self.limit, now: Self.after(second)) == isLost)
        #expect(watch.isLost(lastHeard: Self.after(-1000), limit: Self.limit, now: Self.after(second)) == isLost)
    }

    @Test("who was cut off begins again")
    func cutOff() {
        var watch = Self.watch(seconds: 0...1000)
        watch.tick(at: Self.after(1001), isListening: false)
        #expect(!watch.isLost(lastHeard: nil, limit: Self.limit, now: Self.after(1001)))
        for second in 1002...1301 as ClosedRange<Int64> { watch.tick(at: Self.after(second), isListening: true) }
        #expect(!watch.isLost(lastHeard: nil, limit: Self.limit, now: Self.after(1301)))
        watch.tick(at: Self.after(1302), isListening: true)
        #expect(watch.isLost(lastHeard: nil, limit: Self.limit, now: Self.after(1302)))
    }

    @Test("who was asleep, or whose clock was set, begins again", arguments: [100_000, -100_000] as [Int64])
    func asleep(jump: Int64) {
        var watch = Self.watch(seconds: 0...1000)
        watch.tick(at: Self.after(1001 + jump), isListening: true)
        #expect(!watch.isLost(lastHeard: Self.after(1000), limit: Self.limit, now: Self.after(1001 + jump)))
    }
}
