import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("Stopping: what becomes of what is open")
struct ShutdownTests {
    private static let get = "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let last = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    /// Longer than any test takes.
    private static let long = TimeAmount.minutes(5)

    @Test("with nothing open it is over at once")
    func nothing() async throws {
        try await withProxy(isShutDown: true) { proxy in
            await proxy.server.stopListening(proxy.listener)
            try await proxy.server.shutDown(within: Self.long)
            // A program that another test is just starting has a copy of the socket for a moment.
            try await eventually("nobody listens") { (try? proxy.connect()) == nil }
        }
    }

    @Test("connections between two requests end at once")
    func idle() async throws {
        try await withProxy(isShutDown: true) { proxy in
            let serving = try proxy.backend("b-1").serve(Self.ok)
            let client = try proxy.connect()
            try await client.send(Self.get)
            #expect(try await client.receiveMessage() == Self.ok)
            await proxy.server.stopListening(proxy.listener)
            async let stopped: Void = proxy.server.shutDown(within: Self.long)
            #expect(try await client.receiveToEnd().isEmpty)
            try await stopped
            serving.cancel()
        }
    }

    @Test("a request that has been sent gets its response, which says that it is the last")
    func exchange() async throws {
        try await withProxy(isShutDown: true) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(Self.get)
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            await proxy.server.stopListening(proxy.listener)
            async let stopped: Void = proxy.server.shutDown(within: Self.long)
            try await eventually("it is known") { proxy.server.isDraining }
            try await peer.send(Self.ok)
            #expect(try await client.receiveToEnd() == Self.last)
            try await stopped
        }
    }

    @Test("a request that is held goes on when its backend gets ready meanwhile")
    func held() async throws {
        try await withProxy(isShutDown: true) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let backend = try TestBackend()
            let client = try proxy.connect()
            try await client.send(Self.get)
            await proxy.routes.untilRead()
            await proxy.server.stopListening(proxy.listener)
            async let stopped: Void = proxy.server.shutDown(within: Self.long)
            try await eventually("it is known") { proxy.server.isDraining }
            proxy.routes.set("b-1", .ready(try backend.socketAddress(), token: nil))
            _ = try await backend.answerOnce(Self.ok).value
            #expect(try await client.receiveToEnd() == Self.last)
            try await stopped
        }
    }

    @Test("a connection that has just been taken has a moment for its first request")
    func first() async throws {
        // On a busy machine the moment may be over before the client has said anything: then another proxy is asked.
        try await eventually("a client that asks within that moment is answered") {
            try await withProxy(isShutDown: true) { proxy in
                let answering = try proxy.backend("b-1").answerOnce(Self.ok)
                defer { answering.cancel() }
                let client = try proxy.connect()
                try await eventually("it is taken") { proxy.server.openConnections == 1 }
                await proxy.server.stopListening(proxy.listener)
                async let stopped: Void = proxy.server.shutDown(within: Self.long)
                try? await client.send(Self.get)
                let answer = (try? await client.receiveToEnd()) ?? ""
                #expect(answer == Self.last || answer.isEmpty)
                try await stopped
                return answer == Self.last
            }
        }
    }

    @Test("users of WebSockets are told to connect again")
    func webSocket() async throws {
        try await withProxy(isShutDown: true) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            let (_, peer) = try await backend.answerOnce(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            ).value
            _ = try await client.receive(until: "\r\n\r\n")
            await proxy.server.stopListening(proxy.listener)
            async let stopped: Void = proxy.server.shutDown(within: Self.long)
            let closeFrame: [UInt8] = [0x88, 0x02, 0x03, 0xF4]
            #expect(try await client.receive(count: 4) == closeFrame)
            client.close()
            peer.close()
            try await stopped
        }
    }

    @Test("what has not come to its end when time is up is closed, and its backend too")
    func timeIsUp() async throws {
        try await withProxy(isShutDown: true) { proxy in
            let backend = try proxy.backend("b-1")
            proxy.routes.set("b-2", .starting(token: nil))
            let (waiting, held) = (try proxy.connect(), try proxy.connect())
            try await waiting.send(Self.get)
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            await proxy.routes.untilRead()
            try await held.send(Self.get.replacing("b-1", with: "b-2"))
            await proxy.routes.untilRead()
            await proxy.server.stopListening(proxy.listener)
            try await proxy.server.shutDown(within: .milliseconds(50))
            #expect(try await waiting.receiveToEnd().isEmpty)
            #expect(try await held.receiveToEnd().isEmpty)
            #expect(try await peer.receiveToEnd().isEmpty)
            #expect(proxy.server.openConnections == 0)
        }
    }
}
