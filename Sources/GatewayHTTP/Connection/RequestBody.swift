import NIOCore
import Synchronization

/// The body of a request: filled by the connection, read once by whoever answers.
final class RequestBody: Sendable {
    enum Failure: Error {
        case tooLong
        case tooSlow
        /// The connection ended, or what came was not HTTP.
        case brokenOff
    }

    private struct State {
        var bytes: [UInt8] = []
        var isComplete = false
        var failure: Failure?
        var limit = HTTPLimits.bodyBytes
        var reader: CheckedContinuation<Result<[UInt8], Failure>, Never>?

        /// What a reader gets; nil while he has to wait.
        var outcome: Result<[UInt8], Failure>? {
            if let failure { return .failure(failure) }
            if self.bytes.count > self.limit { return .failure(.tooLong) }
            return self.isComplete ? .success(self.bytes) : nil
        }

        mutating func takeReader() -> (CheckedContinuation<Result<[UInt8], Failure>, Never>, Result<[UInt8], Failure>)? {
            guard let outcome, let reader = self.reader.take() else { return nil }
            return (reader, outcome)
        }
    }

    private let state = Mutex(State())
    private let onAwaited: @Sendable () -> Void

    /// - Parameter onAwaited: called when a reader waits for bytes that have not come yet.
    init(onAwaited: @escaping @Sendable () -> Void) {
        self.onAwaited = onAwaited
    }

    /// Bytes that wait for a reader; 0 when there is one.
    var heldBytes: Int { self.state.withLock { $0.reader == nil ? $0.bytes.count : 0 } }

    /// Returns at once where the whole body is here, as that of nearly every request is.
    func read(atMost limit: Int) async throws(Failure) -> [UInt8] {
        let early: Result<[UInt8], Failure>? = self.state.withLock { state in
            state.limit = limit
            return state.outcome
        }
        if let early { return try early.get() }
        let outcome: Result<[UInt8], Failure> = await withCheckedContinuation { continuation in
            let present: Result<[UInt8], Failure>? = self.state.withLock { state in
                if let outcome = state.outcome { return outcome }
                state.reader = continuation
                return nil
            }
            if let present { continuation.resume(returning: present) } else { self.onAwaited() }
        }
        return try outcome.get()
    }

    func append(_ piece: ByteBuffer) {
        self.change { state in
            // What is too long already need not be kept.
            guard state.failure == nil, state.bytes.count <= HTTPLimits.bodyBytes else { return }
            state.bytes += piece.readableBytesView
        }
    }

    func complete() { self.change { $0.isComplete = true } }

    func fail(_ failure: Failure) {
        self.change { state in
            guard !state.isComplete, state.failure == nil else { return }
            state.failure = failure
            state.bytes = []
        }
    }

    private func change(_ change: (inout State) -> Void) {
        let resumed = self.state.withLock { state in
            change(&state)
            return state.takeReader()
        }
        if let (reader, outcome) = resumed { reader.resume(returning: outcome) }
    }
}
