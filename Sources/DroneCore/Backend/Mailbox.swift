import Synchronization

/// The messages that wait for one backend's machine. Any task may post; one task receives.
///
/// It cannot grow without bound: at most one hint waits, at most one answer for each running call, and terminations wait together with their senders.
final class Mailbox<Message: Hashable & Sendable>: Sendable {
    private struct Envelope {
        var message: Message
        var receipts: [CheckedContinuation<Void, Never>]
    }

    private struct State {
        var letters: [Envelope] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let bell: AsyncStream<Void>
    private let ring: AsyncStream<Void>.Continuation

    init() {
        (self.bell, self.ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Leaves a message. If an equal one is still waiting, this one says nothing new and is dropped.
    func post(_ message: Message) {
        let isNews = self.state.withLock { state in
            guard !state.isClosed, !state.letters.contains(where: { $0.message == message }) else { return false }
            state.letters.append(Envelope(message: message, receipts: []))
            return true
        }
        if isNews { self.ring.yield() }
    }

    /// Leaves a message, and returns when it has been handled, or when nobody receives any more.
    func deliver(_ message: Message) async {
        await withCheckedContinuation { receipt in
            let isClosed = self.state.withLock { state in
                guard !state.isClosed else { return true }
                if let index = state.letters.firstIndex(where: { $0.message == message }) {
                    state.letters[index].receipts.append(receipt)
                } else {
                    state.letters.append(Envelope(message: message, receipts: [receipt]))
                }
                return false
            }
            if isClosed { receipt.resume() } else { self.ring.yield() }
        }
    }

    /// Handles every message in order until `handle` returns false, or the task is cancelled. Call it once.
    func receive(_ handle: (Message) async -> Bool) async {
        defer { self.close() }
        for await _ in self.bell {
            while let letter = self.next() {
                let goesOn = await handle(letter.message)
                for receipt in letter.receipts { receipt.resume() }
                guard goesOn else { return }
            }
        }
    }

    private func next() -> Envelope? {
        self.state.withLock { $0.letters.isEmpty ? nil : $0.letters.removeFirst() }
    }

    /// Lets all senders go on whose messages will not be handled.
    private func close() {
        let receipts = self.state.withLock { state in
            defer { state.letters = [] }
            state.isClosed = true
            return state.letters.flatMap(\.receipts)
        }
        for receipt in receipts { receipt.resume() }
        self.ring.finish()
    }
}
