package import NIOCore

/// A listening socket from which a ``ProxyServer`` takes connections.
package final class OpenListener: Sendable {
    package let address: SocketAddress
    private let controller: NIOLoopBound<AcceptController>
    private let loop: any EventLoop

    init(_ controller: NIOLoopBound<AcceptController>, on loop: any EventLoop, address: SocketAddress) {
        self.controller = controller
        self.loop = loop
        self.address = address
    }

    // What is handed to a loop below does not fail, and runs while the loop's group lives.

    /// Takes nothing more, and leaves what comes in the socket's queue.
    func shut() async {
        try? await self.loop.submit { self.controller.value.shut() }.get()
    }

    /// Ends it, and what waits in the queue of a socket that nobody else holds. Harmless when repeated.
    package func close() async {
        try? await self.loop.submit { self.controller.value.close() }.get()
    }
}
