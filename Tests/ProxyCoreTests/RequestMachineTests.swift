import NIOCore
import Testing

@testable import ProxyCore

@Suite("Where a connection stands with its request")
struct RequestMachineTests {
    private final class TestRoute: ProxyRoute, Sendable {
        let name = "b-1"
        var activity: ActivityCounter? { nil }
    }

    private static let route = TestRoute()

    private static func endpoint() throws -> UpstreamPool {
        UpstreamPool(address: try SocketAddress(ipAddress: "127.0.0.1", port: 80), allowance: UpstreamAllowance(limits: ProxyLimits()))
    }

    /// A request whose head of 100 bytes waits for a connection.
    private static func connecting() throws -> RequestMachine {
        var machine = RequestMachine()
        machine.select(try Self.endpoint(), of: Self.route, notes: [], headLength: 100)
        return machine
    }

    private static func exchanging() throws -> RequestMachine {
        var machine = try Self.connecting()
        _ = machine.connected()
        return machine
    }

    private static func tunnel(isWebSocket: Bool = false) throws -> RequestMachine {
        var machine = try Self.exchanging()
        #expect(machine.becomeTunnel(isWebSocket: isWebSocket) == true)
        return machine
    }

    // MARK: Waiting

    @Test("what was looked up resolves the request that waits for it, once, and none that waits for another name")
    func lookup() {
        var machine = RequestMachine()
        machine.wait(forLookupOf: "b-1")
        #expect(machine.lookedUp("b-2") == false)
        #expect(machine.lookedUp("b-1") == true)
        #expect(machine.isReadingHead)
        #expect(machine.lookedUp("b-1") == false)
    }

    @Test("a held request is resolved again when its route changes, and fails when that is gone")
    func held() {
        var machine = RequestMachine()
        machine.hold(for: "b-1")
        var other = machine
        #expect(machine.routeChanged(exists: true) == .resolveAgain)
        #expect(machine.routeChanged(exists: true) == .ignore)
        #expect(other.routeChanged(exists: false) == .fail(.upstream(.failedWhileStarting)))
        #expect(other.isReadingHead)
    }

    // MARK: Endpoints

    @Test("the head is sent with the first connection, and not once more with the next")
    func headIsTaken() throws {
        var machine = try Self.connecting()
        #expect(machine.connected() == 100)
        #expect(machine.connectAgain() == true)
        #expect(machine.isConnecting)
        #expect(machine.connected() == 0)
        #expect(machine.isExchanging)
    }

    @Test("another endpoint may have what nobody has been sent")
    func untouched() throws {
        var machine = try Self.connecting()
        let attempt = try #require(machine.failed(.refusedConnection))
        #expect(attempt.retry == .allowed && attempt.number == 0)
        #expect(machine.recover(from: attempt, by: .selectAgain) == .resolveAgain)
        #expect(machine.isReadingHead && machine.attempt == 1)
        machine.select(try Self.endpoint(), of: Self.route, notes: [], headLength: 100)
        #expect(machine.failed(.unreachable)?.number == 1)
    }

    @Test("a name that is looked up anew keeps count of what has failed")
    func lookedUpAnew() throws {
        var machine = try Self.connecting()
        let attempt = try #require(machine.failed(.refusedConnection))
        #expect(machine.recover(from: attempt, by: .lookUpAgain) == .lookUp("b-1"))
        #expect(machine.lookedUp("b-1") == true)
        #expect(machine.attempt == 1)
    }

    @Test("whatever the policy wants, nobody else may have what has been sent", arguments: [Recovery.selectAgain, .lookUpAgain, .giveUp])
    func sent(recovery: Recovery) throws {
        var machine = try Self.exchanging()
        let attempt = try #require(machine.failed(.closedBeforeResponse))
        #expect(attempt.retry == .forbidden)
        #expect(machine.recover(from: attempt, by: recovery) == .answer)
        #expect(machine.offer != nil, "it is still known who failed")
        #expect(machine.awaitNext() == true)
        #expect(machine.attempt == 0)
    }

    @Test("the eighth endpoint is the last")
    func attemptLimit() throws {
        var machine = RequestMachine()
        for number in 0..<RequestMachine.attemptLimit {
            machine.select(try Self.endpoint(), of: Self.route, notes: [], headLength: 100)
            let attempt = try #require(machine.failed(.refusedConnection))
            #expect(attempt.number == number)
            let isLast = number == RequestMachine.attemptLimit - 1
            #expect(attempt.retry == (isLast ? .forbidden : .allowed))
            #expect(machine.recover(from: attempt, by: .selectAgain) == (isLast ? .answer : .resolveAgain))
        }
    }

    // MARK: The client's end

    @Test("a client that ends its side in the middle of a request is gone")
    func clientGone() throws {
        var machines = [RequestMachine(), try Self.connecting(), try Self.exchanging()]
        var waiting = RequestMachine()
        waiting.wait(forLookupOf: "b-1")
        var held = RequestMachine()
        held.hold(for: "b-1")
        machines += [waiting, held]
        for index in machines.indices { #expect(machines[index].clientEnded() == .close) }
    }

    @Test("an early word of that counts only where nothing else is read before the end")
    func clientEndsSoon() throws {
        #expect(try Self.exchanging().clientEndsSoon() == .close)
        #expect(try Self.tunnel().clientEndsSoon() == .ignore)
        #expect(RequestMachine().clientEndsSoon() == .ignore)
    }

    @Test("a connection that lingers is closed when both have ended, in either order")
    func lingering() {
        var first = RequestMachine()
        #expect(first.linger() == true)
        #expect(first.clientEnded() == .ignore)
        #expect(first.outputClosed() == true)
        var second = RequestMachine()
        #expect(second.linger() == true)
        #expect(second.outputClosed() == false)
        #expect(second.clientEnded() == .close)
    }

    // MARK: Tunnels

    @Test("each end of a tunnel is passed on once, and both together are its end")
    func tunnelEnds() throws {
        var machine = try Self.tunnel()
        #expect(machine.clientEnded() == .passOn(.fromClient))
        #expect(machine.clientEnded() == .passOn(.repeated))
        #expect(machine.upstreamEnded(clean: true) == .passOn(.both))
        var broken = try Self.tunnel()
        #expect(broken.upstreamEnded(clean: false) == .breakTunnel)
    }

    @Test("a WebSocket is ended between two frames, and then nothing of the endpoint's follows")
    func webSocket() throws {
        var machine = try Self.tunnel(isWebSocket: true)
        let half: [UInt8] = [0x81, 0x05, 0x68, 0x65]
        #expect(machine.tunnelRead(half.span) == .forward)
        #expect(machine.endTunnel() == .tell(now: false))
        #expect(machine.endTunnel() == .ignore)
        let rest: [UInt8] = [0x6C, 0x6C, 0x6F, 0x81, 0x00]
        #expect(machine.tunnelRead(rest.span) == .forwardAndTell(upTo: 3))
        #expect(machine.tunnelRead(rest.span) == .drop)
        var between = try Self.tunnel(isWebSocket: true)
        #expect(between.endTunnel() == .tell(now: true))
        #expect(between.tunnelRead(half.span) == .drop)
        var other = try Self.tunnel()
        #expect(other.endTunnel() == .close)
    }

    @Test("what a backend says after its exchange is nobody's")
    func upstreamEnd() throws {
        var machine = try Self.exchanging()
        #expect(machine.upstreamEnded(clean: true) == .exchange)
        #expect(machine.awaitNext() == true)
        #expect(machine.upstreamEnded(clean: true) == .drop)
    }

    // MARK: Deadlines

    @Test("a client that says nothing is let go, and one that says half a head is told")
    func headDeadline() {
        var machine = RequestMachine()
        #expect(machine.deadlinePassed(.init()) == .closeIdle)
        #expect(machine.deadlinePassed(.init(hasInput: true)) == .refuse(.slowHead))
        #expect(machine.deadlinePassed(.init(awaitsRoom: true, hasInput: true)) == .cutOff)
    }

    @Test("the one whose turn it is has let us wait")
    func exchangeDeadline() throws {
        var machine = try Self.exchanging()
        #expect(machine.deadlinePassed(.init(awaitsResponse: true, isEndpointsTurn: true)) == .failExchange)
        #expect(machine.deadlinePassed(.init(awaitsResponse: true)) == .refuse(.slowBody))
        #expect(machine.deadlinePassed(.init()) == .cutOff)
        var connecting = try Self.connecting()
        #expect(connecting.deadlinePassed(.init(awaitsResponse: true)) == .failConnecting)
    }

    @Test("what waits too long for a lookup or a route is answered")
    func pendingDeadline() {
        var waiting = RequestMachine()
        waiting.wait(forLookupOf: "b-1")
        #expect(waiting.deadlinePassed(.init(hasInput: true)) == .failPending(.proxy(.lookupTimedOut), heldFor: nil))
        #expect(waiting.lookedUp("b-1") == false, "what comes afterwards is too late")
        var held = RequestMachine()
        held.hold(for: "b-1")
        #expect(held.deadlinePassed(.init(hasInput: true)) == .failPending(.upstream(.stillStarting), heldFor: "b-1"))
        #expect(held.routeChanged(exists: true) == .ignore)
    }

    // MARK: The end

    @Test("closing says what is to be undone, once")
    func closing() throws {
        var held = RequestMachine()
        held.hold(for: "b-1")
        #expect(held.close() == .held(name: "b-1"))
        #expect(held.close() == .already)
        var tunnel = try Self.tunnel()
        #expect(tunnel.close() == .tunnel)
        var exchanging = try Self.exchanging()
        #expect(exchanging.close() == .exchange)
        #expect(exchanging.awaitNext() == false)
        #expect(exchanging.linger() == false)
        #expect(exchanging.becomeTunnel(isWebSocket: true) == false)
        #expect(exchanging.connectAgain() == false)
    }

    @Test("HTTP/2 begins before any request")
    func streams() throws {
        var machine = RequestMachine()
        #expect(machine.becomeStreams() == true)
        #expect(machine.deadlinePassed(.init(isPaused: true)) == .cutOff)
        #expect(machine.deadlinePassed(.init()) == .close)
        var exchanging = try Self.exchanging()
        #expect(exchanging.becomeStreams() == false)
    }
}
