import CEpoll
package import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Accepts connections from a listening socket. Used on its loop's thread only.
///
/// One connection in each turn: trying a second one costs a system call that mostly finds none. While many connections wait, turns follow each other quickly,
/// and open connections get served in between.
package final class Acceptor: ReadinessHandler {
    package let descriptor: CInt
    private let loop: EpollEventLoop
    private var watch: EpollEventLoop.Watch?
    /// Nil once closed, which breaks the reference cycle.
    private var mayTake: (() -> Bool)?
    private var take: ((CInt, PeerAddress) -> Void)?
    private var fail: ((IOError) -> Void)?
    private var isPaused = false

    /// - Parameters:
    ///   - descriptor: a non-blocking listening socket, which the acceptor owns from now on.
    ///   - mayTake: asked before each connection. If it returns false it has to pause the acceptor.
    ///   - take: called with each connection, which is non-blocking, and with its peer.
    ///   - fail: called with the error when the kernel gives no connection.
    package init(
        _ descriptor: CInt, on loop: EpollEventLoop, mayTake: @escaping () -> Bool, take: @escaping (CInt, PeerAddress) -> Void,
        fail: @escaping (IOError) -> Void
    ) throws(IOError) {
        self.descriptor = descriptor
        self.loop = loop
        self.mayTake = mayTake
        self.take = take
        self.fail = fail
        guard let watch = loop.watch(descriptor, .input, isEdgeTriggered: false, self) else {
            let error = IOError(errnoCode: errno, reason: "epoll_ctl")
            Glibc.close(descriptor)
            throw error
        }
        self.watch = watch
    }

    package func pause() {
        if self.isPaused { return }
        self.isPaused = true
        if let watch { self.loop.change(watch, to: []) }
    }

    package func resume() {
        guard self.isPaused else { return }
        self.isPaused = false
        if let watch { self.loop.change(watch, to: .input) }
    }

    package func close() {
        guard let watch else { return }
        self.loop.unwatch(watch)  // a successor may hold the socket too
        self.watch = nil
        self.mayTake = nil
        self.take = nil
        self.fail = nil
        Glibc.close(self.descriptor)
    }

    package func becameReady(_ events: ReadyEvents) {
        guard !self.isPaused, let take, self.mayTake?() == true else { return }
        var peer = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let connection = cepoll_accept(self.descriptor, &peer, &size)
        if connection >= 0 { take(connection, PeerAddress(storage: peer)) } else { self.noted(errno) }
    }

    private func noted(_ reason: CInt) {
        switch reason {
        case EAGAIN, EINTR, ECONNABORTED, EPROTO: break  // none, or one that has gone again
        default: self.fail?(IOError(errnoCode: reason, reason: "accept"))
        }
    }

    package func runDeferred() {}

    package func loopEnds() {
        self.close()
    }
}
