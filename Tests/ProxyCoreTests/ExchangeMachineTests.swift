import Testing

@testable import ProxyCore

@Suite("One exchange")
struct ExchangeMachineTests {
    private static func make(
        isHEAD: Bool = false, isHTTP10: Bool = false, keepAlive: Bool = true, upgrade: String? = nil, isIdempotent: Bool = true,
        framing: BodyFraming = .none, upstreamWasKept: Bool = false
    ) throws -> ExchangeMachine {
        let asking = Array("GET / HTTP/1.1\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: \(upgrade ?? "")\r\n\r\n".utf8)
        let asked = try UpgradeProtocols(Translation.readRequest(asking).table.fields, asking.span)
        let request = ExchangeMachine.Request(
            isHEAD: isHEAD, isHTTP10: isHTTP10, keepAlive: keepAlive, upgrade: upgrade == nil ? nil : asked, isIdempotent: isIdempotent,
            framing: framing)
        return ExchangeMachine(request, upstreamWasKept: upstreamWasKept, interimLimit: 2)
    }

    private static func respond(_ machine: inout ExchangeMachine, _ text: String, isDraining: Bool = false) throws -> ExchangeMachine.HeadAction {
        let bytes = Array("\(text)\r\n\r\n".utf8)
        return machine.responseHead(try Translation.readResponse(bytes).head, bytes.span, isDraining: isDraining)
    }

    @Test("both connections are kept after a response of known length")
    func kept() throws {
        var machine = try Self.make()
        let action = try Self.respond(&machine, "HTTP/1.1 200 OK\r\nContent-Length: 0")
        #expect(action == .forward(connection: .unsaid, removesChunks: false))
        #expect(machine.endIfComplete(excess: false) == .init(keepsUpstream: true, keepsClient: true))
    }

    @Test("bytes behind the response end the backend's connection, so that they answer no other request")
    func excess() throws {
        var machine = try Self.make()
        _ = try Self.respond(&machine, "HTTP/1.1 200 OK\r\nContent-Length: 0")
        #expect(machine.endIfComplete(excess: true) == .init(keepsUpstream: false, keepsClient: true))
    }

    @Test("a response that comes before the request is sent ends both connections")
    func early() throws {
        var machine = try Self.make(framing: .length(5))
        let action = try Self.respond(&machine, "HTTP/1.1 413 Too Large\r\nContent-Length: 0")
        #expect(action == .forward(connection: .close, removesChunks: false))
        #expect(machine.endIfComplete(excess: false) == .init(keepsUpstream: false, keepsClient: false))
    }

    @Test("interim responses pass, up to a limit")
    func interim() throws {
        var machine = try Self.make()
        let head = "HTTP/1.1 103 Early Hints"
        let first = try Self.respond(&machine, head)
        #expect(first == .forwardInterim)
        let second = try Self.respond(&machine, head)
        #expect(second == .forwardInterim)
        let third = try Self.respond(&machine, head)
        #expect(third == .refuse(.tooManyInterimResponses))
    }

    @Test("HTTP/1.0 clients see no interim response, no chunks, and are told whether the connection stays")
    func http10() throws {
        var machine = try Self.make(isHTTP10: true)
        let interim = try Self.respond(&machine, "HTTP/1.1 100 Continue")
        #expect(interim == .dropInterim)
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
        let withoutChunks = try Self.respond(&machine, chunked)
        #expect(withoutChunks == .forward(connection: .close, removesChunks: true))
        var other = try Self.make(isHTTP10: true)
        let plain = "HTTP/1.1 200 OK\r\nContent-Length: 0"
        let whole = try Self.respond(&other, plain)
        #expect(whole == .forward(connection: .keepAlive, removesChunks: false))
    }

    @Test("101 makes a tunnel when it was asked for, and is refused when it was not")
    func upgrade() throws {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket"
        var asked = try Self.make(upgrade: "h2, WebSocket")
        let toAsked = try Self.respond(&asked, head)
        #expect(toAsked == .tunnel)
        var notAsked = try Self.make()
        let toNotAsked = try Self.respond(&notAsked, head)
        #expect(toNotAsked == .refuse(.upgradeNobodyAskedFor))
        var tooEarly = try Self.make(upgrade: "websocket", framing: .length(1))
        let toTooEarly = try Self.respond(&tooEarly, head)
        #expect(toTooEarly == .refuse(.upgradeNobodyAskedFor))
        var bare = try Self.make(upgrade: "h2, WebSocket")
        let toBare = try Self.respond(&bare, "HTTP/1.1 101 Switching")
        #expect(toBare == .refuse(.upgradeNobodyAskedFor))
    }

    @Test(
        "101 to another protocol than was asked for, to none, or with a length is refused",
        arguments: [
            "Upgrade: h2c", "Upgrade: websocket, h2c", "Upgrade: websocket/2", "Upgrade: websocke", "Upgrade:", "Upgrade: ,", "A: b",
            "Upgrade: websocket\r\nUpgrade: h2c", "Upgrade: websocket\r\nContent-Length: 5", "Upgrade: websocket\r\nContent-Length: 0",
            "Upgrade: websocket\r\nTransfer-Encoding: chunked",
        ])
    func otherProtocol(fields: String) throws {
        var machine = try Self.make(upgrade: "websocket")
        let action = try Self.respond(&machine, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\(fields)")
        #expect(action == .refuse(.upgradeNobodyAskedFor))
    }

    @Test("of several protocols that were asked for, any may be chosen, in any case", arguments: ["foo/2", "WebSocket", "TLS/1.2, foo/2"])
    func chosenProtocol(chosen: String) throws {
        var machine = try Self.make(upgrade: "websocket, tls/1.2 ,foo/2")
        let action = try Self.respond(&machine, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: \(chosen)")
        #expect(action == .tunnel)
    }

    @Test("a kept connection that died unseen is replaced once, for a request that may be sent twice")
    func repeated() throws {
        var machine = try Self.make(upstreamWasKept: true)
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .repeatRequest)
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
        var empty = try Self.make(framing: .length(0), upstreamWasKept: true)
        #expect(empty.upstreamEnded(clean: true, sawBytes: false) == .repeatRequest)
    }

    @Test("a request that must not be sent twice is not")
    func notRepeated() throws {
        var post = try Self.make(isIdempotent: false, upstreamWasKept: true)
        #expect(post.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
        var fresh = try Self.make()
        #expect(fresh.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
        var begun = try Self.make(upstreamWasKept: true)
        #expect(begun.upstreamEnded(clean: true, sawBytes: true) == .answer(.closedBeforeResponse))
    }

    @Test("the end of the connection is the end of a body without length, unless it was a failure")
    func untilClose() throws {
        let head = "HTTP/1.1 200 OK"
        var machine = try Self.make()
        let action = try Self.respond(&machine, head)
        #expect(action == .forward(connection: .close, removesChunks: false))
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .finish)
        var other = try Self.make()
        _ = try Self.respond(&other, head)
        #expect(other.upstreamEnded(clean: false, sawBytes: false) == .cutOff)
    }

    @Test("a body that breaks off is cut off for the client too")
    func brokenOff() throws {
        var machine = try Self.make()
        _ = try Self.respond(&machine, "HTTP/1.1 200 OK\r\nContent-Length: 5")
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .cutOff)
    }

    @Test("a proxy that is about to stop asks clients to come back on another connection")
    func draining() throws {
        var machine = try Self.make()
        let action = try Self.respond(&machine, "HTTP/1.1 200 OK\r\nContent-Length: 0", isDraining: true)
        #expect(action == .forward(connection: .close, removesChunks: false))
    }
}
