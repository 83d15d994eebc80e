import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("Giving the place to a successor, and ending")
struct EndingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let last = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    private static let ask =
        "GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    private static let close: [UInt8] = [0x88, 0x02, 0x03, 0xF4]

    @Test("a replaced proxy serves one more request of a kept connection, and says that it is the last")
    func keptConnection() async throws {
        try await withProxy { proxy in
            let serving = try proxy.backend("b-1").serve(Self.ok)
            let client = try proxy.connect()
            try await client.send(Self.get)
            #expect(try await client.receiveMessage() == Self.ok)
            await proxy.listener.close()
            async let served: Void = proxy.server.serveOut(within: nil)
            try await eventually("it is known") { proxy.server.isDraining }
            try await client.send(Self.get)
            #expect(try await client.receiveToEnd() == Self.last)
            await served
            serving.cancel()
        }
    }

    @Test("WebSockets of a replaced proxy go on, until they end by themselves")
    func webSocket() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask)
            let (_, peer) = try await backend.answerOnce(Self.switched).value
            _ = try await client.receive(until: "\r\n\r\n")
            async let served: Void = proxy.server.serveOut(within: nil)
            try await eventually("it is known") { proxy.server.isDraining }
            try await client.send("there")
            #expect(try await peer.receive(until: "there") == "there")
            client.close()
            peer.close()
            await served
        }
    }

    @Test("when their time is up, WebSockets are closed with 1012, between two frames, and the answer reaches the backend")
    func deadline() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask)
            let (_, peer) = try await backend.answerOnce(Self.switched).value
            _ = try await client.receive(until: "\r\n\r\n")
            // Half a frame: five bytes are announced, two come.
            try await peer.send([0x81, 0x05, 0x68, 0x65])
            _ = try await client.receive(count: 4)
            async let served: Void = proxy.server.serveOut(within: .zero)
            try await eventually("the time is up") { proxy.server.isEndingTunnels }
            try await peer.send([0x6C, 0x6C, 0x6F, 0x81, 0x00])
            let rest = try await client.receive(count: 7)
            #expect(rest == [0x6C, 0x6C, 0x6F] + Self.close)
            let answer: [UInt8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xF4]
            try await client.send(answer)
            #expect(try await peer.receive(count: answer.count) == answer)
            client.close()
            peer.close()
            await served
        }
    }

    @Test("tunnels of which we do not know the protocol are just closed in the end")
    func otherTunnel() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.ask.replacing("websocket", with: "other"))
            _ = try await backend.answerOnce(Self.switched.replacing("websocket", with: "other")).value
            _ = try await client.receive(until: "\r\n\r\n")
            await proxy.server.serveOut(within: .zero)
            #expect(try await client.receiveToEnd().isEmpty)
        }
    }

    @Test("a proxy that is told to stop need not wait until all has been served")
    func stopped() async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            _ = try await backend.accept()
            async let served: Void = proxy.server.serveOut(within: nil)
            try await eventually("it is known") { proxy.server.isDraining }
            proxy.server.stopServingOut()
            await served
        }
    }

    @Test("a response that the end of the proxy cuts off does not look whole")
    func cutOff() async throws {
        let (client, backend) = try await withProxy { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\n\r\nhalf").value
            _ = try await client.receive(until: "half")
            return (client, peer)
        }
        await #expect(throws: TestPeer.Failure.self) { try await client.receiveToEnd() }
        backend.close()  // it has been there all the time
    }
}
