import CEpoll
package import Dispatch
package import NIOCore
import Synchronization

/// Event loops that share the connections of a server.
package final class EpollEventLoopGroup: EventLoopGroup {
    package let loops: [EpollEventLoop]
    private let nextIndex = Atomic<Int>(0)

    /// - Parameters:
    ///   - threads: One event loop each; at least 1.
    ///   - readBytes: What one read of a socket takes at most.
    package init(threads: Int, readBytes: Int = 32 * 1024) {
        precondition(threads > 0, "a group has at least one event loop")
        self.loops = (0..<threads).map { EpollEventLoop(name: "epoll-\($0)", readBytes: readBytes) }
    }

    /// Gives what this process has freed back to the system (malloc_trim(3)). Threads that allocate meanwhile wait for their part of it.
    package static func returnFreedMemory() { cepoll_return_freed_memory() }

    package func next() -> any EventLoop {
        let index = self.nextIndex.wrappingAdd(1, ordering: .relaxed).oldValue
        return self.loops[abs(index % self.loops.count)]
    }

    package func makeIterator() -> EventLoopIterator { EventLoopIterator(self.loops) }

    /// Ends all threads, and closes what is still open on them. What is handed in afterwards never runs.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        let ended = DispatchGroup()
        for loop in self.loops {
            ended.enter()
            loop.end { ended.leave() }
        }
        ended.notify(queue: queue) { callback(nil) }
    }
}
