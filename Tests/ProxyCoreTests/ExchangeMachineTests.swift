import Testing

@testable import ProxyCore

@Suite("One exchange")
struct ExchangeMachineTests {
    private static func make(
        isHEAD: Bool = false, isHTTP10: Bool = false, keepAlive: Bool = true, wantsUpgrade: Bool = false, isIdempotent: Bool = true,
        framing: BodyFraming = .none, upstreamWasKept: Bool = false
    ) -> ExchangeMachine {
        let request = ExchangeMachine.Request(
            isHEAD: isHEAD, isHTTP10: isHTTP10, keepAlive: keepAlive, wantsUpgrade: wantsUpgrade, isIdempotent: isIdempotent,
            framing: framing)
        return ExchangeMachine(request, upstreamWasKept: upstreamWasKept, interimLimit: 2)
    }

    private static func head(_ text: String) throws -> ResponseHead {
        try Translation.readResponse(Array("\(text)\r\n\r\n".utf8)).head
    }

    @Test("both connections are kept after a response of known length")
    func kept() throws {
        var machine = Self.make()
        let action = machine.responseHead(try Self.head("HTTP/1.1 200 OK\r\nContent-Length: 0"), isDraining: false)
        #expect(action == .forward(connection: .unsaid, removesChunks: false))
        #expect(machine.endIfComplete(excess: false) == .init(keepsUpstream: true, keepsClient: true))
    }

    @Test("bytes behind the response end the backend's connection, so that they answer no other request")
    func excess() throws {
        var machine = Self.make()
        _ = machine.responseHead(try Self.head("HTTP/1.1 200 OK\r\nContent-Length: 0"), isDraining: false)
        #expect(machine.endIfComplete(excess: true) == .init(keepsUpstream: false, keepsClient: true))
    }

    @Test("a response that comes before the request is sent ends both connections")
    func early() throws {
        var machine = Self.make(framing: .length(5))
        let action = machine.responseHead(try Self.head("HTTP/1.1 413 Too Large\r\nContent-Length: 0"), isDraining: false)
        #expect(action == .forward(connection: .close, removesChunks: false))
        #expect(machine.endIfComplete(excess: false) == .init(keepsUpstream: false, keepsClient: false))
    }

    @Test("interim responses pass, up to a limit")
    func interim() throws {
        var machine = Self.make()
        let head = try Self.head("HTTP/1.1 103 Early Hints")
        #expect(machine.responseHead(head, isDraining: false) == .forwardInterim)
        #expect(machine.responseHead(head, isDraining: false) == .forwardInterim)
        #expect(machine.responseHead(head, isDraining: false) == .refuse(.tooManyInterimResponses))
    }

    @Test("HTTP/1.0 clients see no interim response, no chunks, and are told whether the connection stays")
    func http10() throws {
        var machine = Self.make(isHTTP10: true)
        #expect(machine.responseHead(try Self.head("HTTP/1.1 100 Continue"), isDraining: false) == .dropInterim)
        let chunked = try Self.head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked")
        #expect(machine.responseHead(chunked, isDraining: false) == .forward(connection: .close, removesChunks: true))
        var other = Self.make(isHTTP10: true)
        let plain = try Self.head("HTTP/1.1 200 OK\r\nContent-Length: 0")
        #expect(other.responseHead(plain, isDraining: false) == .forward(connection: .keepAlive, removesChunks: false))
    }

    @Test("101 makes a tunnel when it was asked for, and is refused when it was not")
    func upgrade() throws {
        let head = try Self.head("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket")
        var asked = Self.make(wantsUpgrade: true)
        #expect(asked.responseHead(head, isDraining: false) == .tunnel)
        var notAsked = Self.make()
        #expect(notAsked.responseHead(head, isDraining: false) == .refuse(.upgradeNobodyAskedFor))
        var tooEarly = Self.make(wantsUpgrade: true, framing: .length(1))
        #expect(tooEarly.responseHead(head, isDraining: false) == .refuse(.upgradeNobodyAskedFor))
        var bare = Self.make(wantsUpgrade: true)
        #expect(bare.responseHead(try Self.head("HTTP/1.1 101 Switching"), isDraining: false) == .refuse(.upgradeNobodyAskedFor))
    }

    @Test("a kept connection that died unseen is replaced once, for a request that may be sent twice")
    func repeated() {
        var machine = Self.make(upstreamWasKept: true)
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .repeatRequest)
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
    }

    @Test("a request that must not be sent twice is not")
    func notRepeated() {
        var post = Self.make(isIdempotent: false, upstreamWasKept: true)
        #expect(post.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
        var fresh = Self.make()
        #expect(fresh.upstreamEnded(clean: true, sawBytes: false) == .answer(.closedBeforeResponse))
        var begun = Self.make(upstreamWasKept: true)
        #expect(begun.upstreamEnded(clean: true, sawBytes: true) == .answer(.closedBeforeResponse))
    }

    @Test("the end of the connection is the end of a body without length, unless it was a failure")
    func untilClose() throws {
        let head = try Self.head("HTTP/1.1 200 OK")
        var machine = Self.make()
        #expect(machine.responseHead(head, isDraining: false) == .forward(connection: .close, removesChunks: false))
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .finish)
        var other = Self.make()
        _ = other.responseHead(head, isDraining: false)
        #expect(other.upstreamEnded(clean: false, sawBytes: false) == .cutOff)
    }

    @Test("a body that breaks off is cut off for the client too")
    func brokenOff() throws {
        var machine = Self.make()
        _ = machine.responseHead(try Self.head("HTTP/1.1 200 OK\r\nContent-Length: 5"), isDraining: false)
        #expect(machine.upstreamEnded(clean: true, sawBytes: false) == .cutOff)
    }

    @Test("a proxy that is about to stop asks clients to come back on another connection")
    func draining() throws {
        var machine = Self.make()
        let action = machine.responseHead(try Self.head("HTTP/1.1 200 OK\r\nContent-Length: 0"), isDraining: true)
        #expect(action == .forward(connection: .close, removesChunks: false))
    }
}
