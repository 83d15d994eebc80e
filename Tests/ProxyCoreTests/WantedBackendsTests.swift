import Logging
import NIOCore
import NIOPosix
import PlaneTestSupport
import Synchronization
import Testing

@testable import ProxyCore

@Suite("That frozen backends are wanted, written into the table")
struct WantedBackendsTests {
    @Test("however often strangers ask, it is written some hundred times a second at most, and each of them is heard")
    func paced() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let sink = FakeActivity()
        let flusher = try await ActivityFlusher(sink: sink, workers: [], loop: loop, logger: Logger(label: "wanted"))
        let start = ContinuousClock.now
        for number in 0..<2000 {
            flusher.want(number == 1999 ? "last" : "b-1")
            // One after the other, so that they are not written together anyway.
            try await loop.submit {}.get()
        }
        try await eventually("the last one is written") { sink.wanted.withLock { $0.contains("last") } }
        let passed = (ContinuousClock.now - start) / .milliseconds(1)
        let writes = sink.wanted.withLock { $0.count }
        #expect(Double(writes) <= passed / 5 + 3, "\(writes) in \(passed) ms")
    }

    @Test("the first one is written at once")
    func first() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let sink = FakeActivity()
        let flusher = try await ActivityFlusher(sink: sink, workers: [], loop: loop, logger: Logger(label: "wanted"))
        flusher.want("b-1")
        // Behind what it has put off.
        for _ in 0..<3 { try await loop.submit {}.get() }
        #expect(sink.wanted.withLock { $0 } == ["b-1"])
    }
}
