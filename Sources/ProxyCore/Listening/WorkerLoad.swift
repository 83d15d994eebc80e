import Synchronization

/// How many connections an event loop has, or is about to get. All loops read it, so that new connections go where there are fewest.
final class WorkerLoad: Sendable {
    private let count = Atomic<Int>(0)

    var connections: Int { self.count.load(ordering: .relaxed) }

    func add() { self.count.wrappingAdd(1, ordering: .relaxed) }

    func remove() { self.count.wrappingSubtract(1, ordering: .relaxed) }
}
