import GatewayHTTP
import PlaneTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct SharedQuestionTests {
    private struct Failed: Error {}

    /// A question whose answers are given by the test: the number of times it was asked before.
    private final class Asked: Sendable {
        private let state = Mutex<(count: Int, open: [CheckedContinuation<Void, Never>])>((0, []))
        var count: Int { self.state.withLock { $0.count } }

        func ask() async -> Int {
            await withCheckedContinuation { continuation in
                self.state.withLock {
                    $0.count += 1; $0.open.append(continuation)
                }
            }
            return self.count
        }

        func answer() {
            for continuation in self.state.withLock({ state in
                defer { state.open = [] }
                return state.open
            }) { continuation.resume() }
        }
    }

    @Test("who comes while a question is on its way shares the next one with all others, and not that one")
    func shared() async throws {
        let asked = Asked()
        let question = SharedQuestion<Int, Failed> { () async throws(Failed) in await asked.ask() }
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await question.ask() }
            try await eventually("the first question is on its way") { asked.count == 1 }
            for _ in 0..<50 { group.addTask { try await question.ask() } }
            try await eventually("all others wait") { question.waiting == 50 }
            asked.answer()
            #expect(try await group.next() == 1)
            try await eventually("the second question is on its way") { asked.count == 2 }
            asked.answer()
            for try await answer in group { #expect(answer == 2) }
            #expect(asked.count == 2)
        }
    }

    @Test("whoever is cancelled ends alone: another one asks for the rest")
    func cancelled() async throws {
        let asked = Asked()
        let question = SharedQuestion<Int, Failed> { () async throws(Failed) in
            let number = await asked.ask()
            if Task.isCancelled { throw Failed() }
            return number
        }
        let first = Task { try await question.ask() }
        try await eventually("the first question is on its way") { asked.count == 1 }
        let second = Task { try await question.ask() }
        try await eventually("one waits") { question.waiting == 1 }
        let third = Task { try await question.ask() }
        try await eventually("two wait") { question.waiting == 2 }
        asked.answer()
        #expect(try await first.value == 1)
        try await eventually("the second question is on its way") { asked.count == 2 }
        // The one that asks is the one that came first.
        second.cancel()
        asked.answer()
        await #expect(throws: Failed.self) { try await second.value }
        try await eventually("the third question is on its way") { asked.count == 3 }
        asked.answer()
        #expect(try await third.value == 3)
    }

    @Test("a failure is everybody's who shares it, and the next one asks anew")
    func failure() async throws {
        let count = Mutex(0)
        let question = SharedQuestion<Int, Failed> { () async throws(Failed) in
            let number = count.withLock { count in
                count += 1
                return count
            }
            if number == 1 { throw Failed() }
            return number
        }
        await #expect(throws: Failed.self) { try await question.ask() }
        #expect(try await question.ask() == 2)
    }
}
