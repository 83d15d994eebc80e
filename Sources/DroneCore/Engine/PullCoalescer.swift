package import PlaneProtocol

/// Pulls an image once at a time, however many backends wait for it.
///
/// The first caller pulls the image, and those that come meanwhile get the same result. If the first is cancelled, the next one pulls. Failures are shared as
/// well: fifty backends with a missing image cause one request, not fifty.
package actor PullCoalescer {
    private struct Pull: Hashable {
        var image: String
        /// Credentials are part of the key, because two users of one image may have different rights.
        var credentials: DockerCredentials?
    }

    private enum End {
        case pulled
        case failed(BackendEngineError)
        /// The caller that pulled was cancelled, or the one that waited was.
        case abandoned
    }

    private var waiting: [Pull: [UInt64: CheckedContinuation<End, Never>]] = [:]
    private var meters: [Pull: PullProgressReporter] = [:]
    private var lastTicket: UInt64 = 0
    private let whenPulled: @Sendable () -> Void

    /// - Parameter whenPulled: called each time that an image has been pulled.
    package init(whenPulled: @escaping @Sendable () -> Void = {}) { self.whenPulled = whenPulled }

    /// How many callers wait for a pull that another caller does.
    var waitingCount: Int { self.waiting.values.reduce(0) { $0 + $1.count } }

    /// Runs `fetch`, or waits while another caller does for the same image.
    ///
    /// - Parameter tell: called now and then with the progress of the pull, whoever does it.
    package func pull(
        _ image: String, credentials: DockerCredentials?, tell: @escaping @Sendable (String) -> Void = { _ in },
        fetch: @Sendable (_ progress: @escaping @Sendable (PullStep) -> Void) async throws(BackendEngineError) -> Void
    ) async throws(BackendEngineError) {
        let pull = Pull(image: image, credentials: credentials)
        while self.waiting[pull] != nil {
            self.meters[pull]?.listen(tell)
            switch await self.wait(for: pull) {
            case .pulled: return
            case .failed(let failure): throw failure
            case .abandoned where Task.isCancelled: throw BackendEngineError(.unavailable, "stopped waiting for the image \(image)")
            case .abandoned: continue  // somebody's turn, perhaps ours
            }
        }
        self.waiting[pull] = [:]
        let meter = PullProgressReporter()
        meter.listen(tell)
        self.meters[pull] = meter
        do throws(BackendEngineError) {
            try await fetch { meter.step($0) }
            self.whenPulled()
            self.finish(pull, .pulled)
        } catch {
            self.finish(pull, Task.isCancelled ? .abandoned : .failed(error))
            throw error
        }
    }

    private func wait(for pull: Pull) async -> End {
        self.lastTicket += 1
        let ticket = self.lastTicket
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled || self.waiting[pull] == nil {
                    continuation.resume(returning: .abandoned)
                } else {
                    self.waiting[pull]?[ticket] = continuation
                }
            }
        } onCancel: {
            // Bridges the synchronous handler; its only effect is to end the wait above, which awaits it.
            Task { await self.giveUp(ticket, of: pull) }
        }
    }

    private func giveUp(_ ticket: UInt64, of pull: Pull) {
        self.waiting[pull]?.removeValue(forKey: ticket)?.resume(returning: .abandoned)
    }

    private func finish(_ pull: Pull, _ end: End) {
        self.meters[pull] = nil
        for continuation in (self.waiting.removeValue(forKey: pull) ?? [:]).values { continuation.resume(returning: end) }
    }
}
