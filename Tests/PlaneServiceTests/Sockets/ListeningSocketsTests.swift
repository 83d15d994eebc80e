import Glibc
import NetworkAddresses
import PlaneTestSupport
import Testing

@testable import PlaneService

@Suite("Sockets that are passed on")
struct ListeningSocketsTests {
    private typealias Inherited = ListeningSockets.Inherited

    private static func listen() throws -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // Bound by the kernel to a port of those that no test's server has.
        try #require(descriptor >= 0 && Glibc.listen(descriptor, 1) == 0)
        return descriptor
    }

    /// Descriptors are not asked: their numbers are used again at once, by tests beside this one.
    private static func listens(_ endpoint: SocketEndpoint?) async throws -> Bool {
        let port = try #require(endpoint).port
        return (try? await LoopbackConnection(port: port)) != nil
    }

    @Test("what systemd holds and nobody wants is kept for a successor, who may want it")
    func kept() async throws {
        let descriptor = try Self.listen()
        let endpoint = SocketEndpoint(localEndOf: descriptor)
        let sockets = ListeningSockets(inherited: [Inherited(name: "", descriptor: descriptor, isHeldBySystemd: true)])
        #expect(sockets.closeUnwanted().count == 1)
        #expect(sockets.held.map(\.descriptor) == [descriptor])
        #expect(try await Self.listens(endpoint))
        sockets.handOver()
        #expect(try await !Self.listens(endpoint))
    }

    @Test("what a predecessor listened on and nobody wants any more is closed")
    func closed() async throws {
        let descriptor = try Self.listen()
        let endpoint = SocketEndpoint(localEndOf: descriptor)
        let sockets = ListeningSockets(inherited: [Inherited(name: "https", descriptor: descriptor, isHeldBySystemd: false)])
        #expect(sockets.closeUnwanted().count == 1)
        #expect(sockets.held.isEmpty)
        #expect(try await !Self.listens(endpoint))
    }

    @Test("a successor knows which sockets systemd holds, used or not")
    func generations() throws {
        let (used, unused) = (try Self.listen(), try Self.listen())
        let first = ListeningSockets(inherited: [used, unused].map { Inherited(name: "", descriptor: $0, isHeldBySystemd: true) })
        let endpoint = try #require(SocketEndpoint(localEndOf: used))
        #expect(first.inherited("http", at: endpoint) == used)
        first.hold("http", used)
        _ = first.closeUnwanted()
        let environment = [
            "LISTEN_FDS": "2", "LISTEN_FDNAMES": first.held.map(\.name).joined(separator: ":"), ListeningSockets.predecessorVariable: "150",
        ]
        let second = ListeningSockets.inheritedSockets(environment, processID: 151, parentID: 150)
        #expect(second.map(\.isHeldBySystemd) == [true, true])
        first.handOver()
    }

    @Test("sockets come from systemd or from a predecessor, and are nobody else's")
    func origins() {
        let environment = ["LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "plane-drone-proxy.socket"]
        #expect(ListeningSockets.inheritedSockets(environment, processID: 7, parentID: 1).map(\.isHeldBySystemd) == [true])
        #expect(ListeningSockets.inheritedSockets(environment, processID: 8, parentID: 7).isEmpty)
    }
}
