import DroneStore

/// Decides which reports are sent next: at most one of each backend at a time, and none of a backend that pauses after a failure.
struct OutboxRound {
    private var underway: Set<String> = []
    /// How often in a row the reports of a backend were not acknowledged; contains the backends that pause.
    private var failures: [String: Int] = [:]
    private var resting: Set<String> = []
    /// Whether the outbox may contain reports that have not been looked at.
    private(set) var mayHaveWork = false
    private var isClosed = false
    /// Whether the last look found only reports of busy backends.
    private var isEmpty = false

    /// The number of backends for which nothing is to be sent now. Their reports may come first in the outbox.
    var busyCount: Int { self.underway.count + self.resting.count }

    func failures(of backend: String) -> Int { self.failures[backend] ?? 0 }

    /// Whether no more reports will be queued, and all are delivered.
    var isOver: Bool { self.isClosed && self.isEmpty && self.busyCount == 0 }

    mutating func note(_ event: OutboxDispatcher.Event) {
        self.mayHaveWork = true
        switch event {
        case .news: break
        case .closed: self.isClosed = true
        case .delivered(let backend):
            self.underway.remove(backend)
            self.failures[backend] = nil
        case .failed(let backend):
            self.underway.remove(backend)
            self.resting.insert(backend)
            self.failures[backend, default: 0] += 1
        case .rested(let backend): self.resting.remove(backend)
        }
    }

    /// The reports among `oldest` that are to be sent now.
    mutating func take(_ oldest: [QueuedReport], limit: Int) -> [QueuedReport] {
        let free = oldest.filter { !self.underway.contains($0.backend) && !self.resting.contains($0.backend) }
        let taken = free.prefix(max(0, limit - self.underway.count))
        for report in taken { self.underway.insert(report.backend) }
        self.isEmpty = oldest.isEmpty
        self.mayHaveWork = false
        return Array(taken)
    }

    mutating func couldNotRead() { self.mayHaveWork = false }
}
