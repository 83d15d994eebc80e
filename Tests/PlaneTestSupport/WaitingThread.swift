import Foundation

/// Runs a call that waits (for a connection, for bytes) on a thread of its own.
///
/// Not on a dispatch queue: its pool has about as many threads as the machine has processors, and begins no more work while these wait and the
/// machine is busy. With many tests at once, one waits for what another one's queue has not begun to send.
func onWaitingThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result { try work() }) }
    }
}
