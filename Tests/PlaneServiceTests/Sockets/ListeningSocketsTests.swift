import Glibc
import Testing

@testable import PlaneService

@Suite("Sockets that are passed on")
struct ListeningSocketsTests {
    private typealias Inherited = ListeningSockets.Inherited

    private static func listen() throws -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0 && Glibc.listen(descriptor, 1) == 0)
        return descriptor
    }

    private static func isOpen(_ descriptor: CInt) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

    @Test("what systemd holds and nobody wants is kept for a successor, who may want it")
    func kept() throws {
        let descriptor = try Self.listen()
        let sockets = ListeningSockets(inherited: [Inherited(name: "", descriptor: descriptor, isHeldBySystemd: true)])
        #expect(sockets.closeUnwanted().count == 1)
        #expect(sockets.held.map(\.descriptor) == [descriptor])
        #expect(Self.isOpen(descriptor))
        sockets.handOver()
        #expect(!Self.isOpen(descriptor))
    }

    @Test("what a predecessor listened on and nobody wants any more is closed")
    func closed() throws {
        let descriptor = try Self.listen()
        let sockets = ListeningSockets(inherited: [Inherited(name: "https", descriptor: descriptor, isHeldBySystemd: false)])
        #expect(sockets.closeUnwanted().count == 1)
        #expect(sockets.held.isEmpty)
        #expect(!Self.isOpen(descriptor))
    }

    @Test("a successor knows which sockets systemd holds, used or not")
    func generations() throws {
        let (used, unused) = (try Self.listen(), try Self.listen())
        let first = ListeningSockets(inherited: [used, unused].map { Inherited(name: "", descriptor: $0, isHeldBySystemd: true) })
        let endpoint = try #require(ListeningSockets.endpoint(of: used))
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
