import CEpoll
package import Dispatch
package import NIOCore
import Synchronization

/// Event loops that share the connections of a server.
package final class EpollEventLoopGroup: EventLoopGroup {
    package let loops: [EpollEventLoop]
    private let nextIndex = Atomic<Int>(0)

    /// - Parameters:
    ///   - threads: the number of event loops, each with a thread; at least 1.
    ///   - readBytes: how many bytes one read of a socket takes at most.
    package init(threads: Int, readBytes: Int = 32 * 1024) {
        precondition(threads > 0, "a group has at least one event loop")
        self.loops = (0..<threads).map { EpollEventLoop(name: "epoll-\($0)", readBytes: readBytes) }
    }

    /// Returns freed memory to the system (malloc_trim(3)). Threads that allocate at the same time have to wait for a part of that.
    package static func returnFreedMemory() { cepoll_return_freed_memory() }

    package func next() -> any EventLoop {
        let index = self.nextIndex.wrappingAdd(1, ordering: .relaxed).oldValue
        return self.loops[abs(index % self.loops.count)]
    }

    package func makeIterator() -> EventLoopIterator { EventLoopIterator(self.loops) }

    /// Ends all threads, and closes everything that is open on them. Tasks that are submitted afterwards never run.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        let ended = DispatchGroup()
        for loop in self.loops {
            ended.enter()
            loop.end { ended.leave() }
        }
        ended.notify(queue: queue) { callback(nil) }
    }
}
