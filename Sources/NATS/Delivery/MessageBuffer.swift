import DequeModule
import Synchronization

/// A bounded queue from libnats' delivery thread to a reading task. Elements that do not fit are dropped and counted. These are the newest, since older ones
/// will be read sooner. Waking the reader is the only change of threads between the two.
final class MessageBuffer<Element: Sendable>: Sendable {
    /// What the buffer did with an element that was added to it.
    enum Outcome: Equatable {
        case kept
        /// The element did not fit; `total` is the number of all lost elements.
        case dropped(total: UInt64)
        /// The buffer was finished before.
        case finished
    }

    fileprivate struct State {
        var elements: Deque<(element: Element, bytes: Int)> = []
        var bytes = 0
        var dropped: UInt64 = 0
        var isFinished = false
        /// Readers waiting for an element, in order; there are none while there are elements.
        var readers: Deque<(id: UInt64, continuation: CheckedContinuation<Element?, Never>)> = []
        var nextReader: UInt64 = 0
        /// How many loops over the elements are running.
        var activeReaders = 0
        /// Called when no such loop is running any more.
        var readHandlers: [@Sendable () -> Void] = []
    }

    fileprivate enum Answer {
        case now(Element?)
        case wait
    }

    private let countLimit: Int
    private let bytesLimit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - countLimit: most elements kept.
    ///   - bytesLimit: most bytes kept, as stated by `push`.
    init(countLimit: Int, bytesLimit: Int) {
        self.countLimit = max(1, countLimit)
        self.bytesLimit = bytesLimit
    }

    /// Lost elements since the beginning.
    var dropped: UInt64 { self.state.withLock { $0.dropped } }

    var isEmpty: Bool { self.state.withLock { $0.elements.isEmpty } }

    /// Hands an element to the waiting reader or keeps it.
    /// - Parameter force: keep it whatever the limits; for the few control elements which stand for dropped ones.
    @discardableResult
    func push(_ element: Element, bytes: Int, force: Bool = false) -> Outcome {
        let (outcome, reader): (Outcome, CheckedContinuation<Element?, Never>?) = self.state.withLock { state in
            if state.isFinished { return (.finished, nil) }
            if let reader = state.readers.popFirst() { return (.kept, reader.continuation) }
            if !force, state.elements.count >= self.countLimit || state.bytes + bytes > self.bytesLimit {
                state.dropped += 1
                return (.dropped(total: state.dropped), nil)
            }
            state.elements.append((element, bytes))
            state.bytes += bytes
            return (.kept, nil)
        }
        reader?.resume(returning: element)
        return outcome
    }

    /// The next element; nil when the buffer is finished and empty, or the task is cancelled.
    func next() async -> Element? {
        // Checked before a continuation is made: under load there is mostly an element.
        if case .now(let element) = self.state.withLock({ $0.take() }) { return element }
        let id = self.state.withLock { state in
            state.nextReader += 1
            return state.nextReader
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Answer = self.state.withLock { state in
                    let answer = state.take()
                    guard case .wait = answer else { return answer }
                    // A cancellation before this line is noticed here; after a later one the handler below finds the reader.
                    if Task.isCancelled { return .now(nil) }
                    state.readers.append((id, continuation))
                    return .wait
                }
                if case .now(let element) = answer { continuation.resume(returning: element) }
            }
        } onCancel: {
            let reader = self.state.withLock { state in
                state.readers.firstIndex { $0.id == id }.map { state.readers.remove(at: $0) }
            }
            reader?.continuation.resume(returning: nil)
        }
    }

    /// Accepts no more elements; readers get those that are kept, and then nil.
    func finish() {
        let readers = self.state.withLock { state in
            state.isFinished = true
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.continuation.resume(returning: nil) }
    }

    /// Called when a loop over the elements begins.
    func readerCame() { self.state.withLock { $0.activeReaders += 1 } }

    /// Called when a loop has ended, after the last element or before.
    func readerLeft() {
        let handlers = self.state.withLock { state in
            state.activeReaders -= 1
            guard state.activeReaders == 0 else { return [] as [@Sendable () -> Void] }
            defer { state.readHandlers = [] }
            return state.readHandlers
        }
        for handler in handlers { handler() }
    }

    /// Calls `handler` once no loop is running. That will be so after `finish`, as soon as the readers have handled what was in the buffer.
    func whenReadersLeft(_ handler: @escaping @Sendable () -> Void) {
        let isUnread = self.state.withLock { state in
            if state.activeReaders > 0 { state.readHandlers.append(handler) }
            return state.activeReaders == 0
        }
        if isUnread { handler() }
    }
}

extension MessageBuffer.State {
    fileprivate mutating func take() -> MessageBuffer.Answer {
        if let (element, bytes) = self.elements.popFirst() {
            self.bytes -= bytes
            return .now(element)
        }
        return self.isFinished ? .now(nil) : .wait
    }
}
