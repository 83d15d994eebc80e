import Testing
import Timing

@Suite("Time limits", .timeLimit(.minutes(10)))
struct TimeLimitTests {
    private struct Broken: Error, Equatable {}

    @Test("what is done in time is returned, without waiting for the limit")
    func inTime() async {
        #expect(await withTimeLimit(.seconds(3600)) { () async -> Int in 7 } == 7)
    }

    @Test("what fails in time fails as it did")
    func failure() async {
        await #expect(throws: Broken.self) { _ = try await withTimeLimit(.seconds(3600)) { () async throws(Broken) -> Int in throw Broken() } }
    }

    @Test("what takes longer is cancelled, awaited, and told as nothing")
    func late() async {
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let result = await withTimeLimit(.milliseconds(1)) { () async -> Int in
            for await _ in AsyncStream<Void>.makeStream().stream {}  // until cancelled
            ended.yield()
            return 7
        }
        #expect(result == nil)
        var iterator = ends.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }

    @Test("a cancelled caller gets what the cancelled work makes of it, not the limit")
    func cancelled() async {
        let task = Task {
            await withTimeLimit(.seconds(3600)) { () async -> Bool in
                for await _ in AsyncStream<Void>.makeStream().stream {}
                return Task.isCancelled
            }
        }
        task.cancel()
        #expect(await task.value == true)
    }
}
