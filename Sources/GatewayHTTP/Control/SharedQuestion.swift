import Synchronization

/// A question that many have at the same time, asked once for all of them.
///
/// Everybody gets the answer to a question that was asked after he came, so it is never older than his own would be. There is one question on its way at
/// a time: who comes meanwhile waits for the next one, with all others who do.
package final class SharedQuestion<Answer: Sendable, Failure: Error>: Sendable {
    private enum Word: Sendable {
        case answer(Result<Answer, Failure>)
        /// Ask for yourself and for these.
        case ask(followers: [Waiter])
    }

    private typealias Waiter = CheckedContinuation<Word, Never>

    private struct State {
        var isAsking = false
        var waiting: [Waiter] = []
    }

    private let state = Mutex(State())
    private let question: @Sendable () async throws(Failure) -> Answer

    package init(_ question: @escaping @Sendable () async throws(Failure) -> Answer) {
        self.question = question
    }

    /// How many wait for the next question.
    package var waiting: Int { self.state.withLock { $0.waiting.count } }

    package func ask() async throws(Failure) -> Answer {
        switch await self.turn() {
        case .answer(let answer): return try answer.get()
        case .ask(let followers): return try await self.ask(for: followers).get()
        }
    }

    private func turn() async -> Word {
        await withCheckedContinuation { waiter in
            let isFree = self.state.withLock { state in
                if state.isAsking { state.waiting.append(waiter) }
                defer { state.isAsking = true }
                return !state.isAsking
            }
            if isFree { waiter.resume(returning: .ask(followers: [])) }
        }
    }

    private func ask(for followers: [Waiter]) async -> Result<Answer, Failure> {
        let answer: Result<Answer, Failure>
        do throws(Failure) { answer = .success(try await self.question()) } catch { answer = .failure(error) }
        // What ended this task has nothing to do with the others: one of them asks again.
        let isOwnEnd = Task.isCancelled
        let next: (Waiter, [Waiter])? = self.state.withLock { state in
            if isOwnEnd { state.waiting = followers + state.waiting }
            guard let first = state.waiting.first else {
                state.isAsking = false
                return nil
            }
            defer { state.waiting = [] }
            return (first, Array(state.waiting.dropFirst()))
        }
        if !isOwnEnd { for follower in followers { follower.resume(returning: .answer(answer)) } }
        if let (first, rest) = next { first.resume(returning: .ask(followers: rest)) }
        return answer
    }
}
