import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct CancellableTaskTests {
    private static let forever: @Sendable () async -> Void = { for await _ in AsyncStream<Never>.makeStream().stream {} }

    @Test("the work is done, and another one after it")
    func runs() async {
        let (done, task) = (Recorder<Int>(), CancellableTask())
        for number in 0..<2 { await task.run { done.record(number) } }
        #expect(done.all == [0, 1])
    }

    @Test("work under way ends when it is cancelled, whoever cancels: the one who holds it or the one who waits for it", arguments: [true, false])
    func cancelled(byHolder: Bool) async throws {
        let (begun, task) = (Recorder<Void>(), CancellableTask())
        let waiting = Task {
            await task.run {
                begun.record(())
                await Self.forever()
            }
        }
        try await eventually("it has begun") { begun.all.count == 1 }
        if byHolder { await task.cancel() } else { waiting.cancel() }
        await waiting.value
    }

    @Test("what is asked for after it was cancelled is never begun")
    func tooLate() async {
        let (begun, task) = (Recorder<Void>(), CancellableTask())
        await task.cancel()
        await task.run { begun.record(()) }
        await task.cancel()
        #expect(begun.all.isEmpty)
    }
}
