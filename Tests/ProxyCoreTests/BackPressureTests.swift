import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Back-pressure: what one side does not read, the other cannot send for long")
struct BackPressureTests {
    /// What the kernels of four sockets hold, at most (tcp(7), tcp_wmem and tcp_rmem: 4 MiB for each of two that send, less for
    /// two that receive), and our own buffers beside it. A gigabyte is offered.
    private static let bound = 16 * 1024 * 1024
    private static let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)

    @Test("a slow reader of a fast backend")
    func slowReader() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect(receiveBuffer: 4096)
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000000000\r\n\r\n").value
            let accepted = try await peer.sendUntilBlocked(Self.chunk)
            #expect(accepted < Self.bound)
            _ = try await client.receive(count: accepted)
            try await eventually("it goes on, since somebody reads") { try await peer.sendUntilBlocked(Self.chunk, limit: 1) > 0 }
        }
    }

    @Test("a slow backend of a fast sender")
    func slowBackend() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: 1000000000\r\n\r\n")
            let peer = try await backend.accept()
            let accepted = try await client.sendUntilBlocked(Self.chunk)
            #expect(accepted < Self.bound)
            _ = try await peer.receive(count: accepted)
            try await eventually("it goes on, since somebody reads") { try await client.sendUntilBlocked(Self.chunk, limit: 1) > 0 }
        }
    }

    @Test("a body much larger than all buffers arrives whole, in both directions at once")
    func large() async throws {
        let size = 64 * 1024 * 1024
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("POST / HTTP/1.1\r\nHost: b-1.plane.test\r\nContent-Length: \(size)\r\nConnection: close\r\n\r\n")
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            let head = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: \(size)\r\nConnection: close\r\n\r\n"
            try await peer.send(head)
            let body = [UInt8](repeating: 1, count: size)
            async let sentUp: Void = client.send(body)
            async let sentDown: Void = peer.send(Array(body.dropLast()))
            async let gotUp = peer.receive(count: size).count
            async let gotDown = client.countToEnd()
            _ = try await (sentUp, sentDown)
            #expect(try await gotUp == size)
            // A response that were complete before its request would end both.
            try await peer.send([1])
            #expect(try await gotDown == head.utf8.count + size)
        }
    }
}
