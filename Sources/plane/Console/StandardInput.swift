import Dispatch
import Glibc
import Synchronization

/// Reads standard input for an asynchronous reader, one piece at a time, so that a large file is never completely in memory.
final class StandardInput: Sendable {
    private struct State {
        var waiter: CheckedContinuation<[UInt8], Never>?
        var isReading = false
        /// Bytes that were read for a caller that has been cancelled since.
        var ready: [UInt8]?
        var isCancelled = false
    }

    static let ofThisProcess = StandardInput()

    private static let pieceSize = 32 * 1024

    private let descriptor: Int32
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "standard input")

    init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    /// The next bytes; empty at the end, and when the task is cancelled.
    func next() async -> [UInt8] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.state.withLock { state -> [UInt8]? in
                    if state.isCancelled { return [] }
                    if let ready = state.ready {
                        state.ready = nil
                        return ready
                    }
                    state.waiter = continuation
                    if !state.isReading { self.read() }
                    state.isReading = true
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                state.isCancelled = true
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: [])
        }
    }

    /// A read blocks while nobody types, so it has a thread of its own.
    private func read() {
        self.queue.async {
            var bytes = [UInt8](repeating: 0, count: Self.pieceSize)
            var count = -1
            repeat { count = Glibc.read(self.descriptor, &bytes, bytes.count) } while count < 0 && errno == EINTR
            let piece = Array(bytes.prefix(max(0, count)))
            let waiter = self.state.withLock { state in
                state.isReading = false
                if state.waiter == nil { state.ready = piece }
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: piece)
        }
    }
}
