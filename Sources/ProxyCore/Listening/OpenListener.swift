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

    // The tasks that are submitted to a loop below do not fail, and they run as long as the loop's group lives.

    /// Accepts no more connections; new ones wait in the socket's queue.
    func shut() async {
        try? await self.loop.submit { self.controller.value.shut() }.get()
    }

    /// Closes this descriptor of the socket. If no other process has one, connections in its queue are reset. Harmless when repeated.
    package func close() async {
        try? await self.loop.submit { self.controller.value.close() }.get()
    }
}
