import DroneProxyPolicy
import DroneStore
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import ProxyPages
import Testing

@testable import DroneProxy

@Suite("Routes out of the drone's SQLite file")
struct StoreRouteSourceTests {
    @Test(
        "a backend on its way is starting, a ready one has an address, any other has ended", arguments: BackendState.allCases)
    func states(state: BackendState) throws {
        let record = RouteRecord(state: state, address: "127.0.0.1:8080", bearerToken: "t")
        let expected: RouteAnswer =
            switch state {
            case .loading: .starting(token: "t", phase: .loading)
            case .starting: .starting(token: "t", phase: .starting)
            case .ready: .ready(try SocketAddress(ipAddress: "127.0.0.1", port: 8080), token: "t")
            default: .ended
            }
        #expect(RouteAnswer(record) == expected)
    }

    @Test(
        "a frozen backend is told as one, and woken by who wants it",
        arguments: [(FreezeState.never, BackendFreezing.never), (.awake, .awake), (.frozen, .frozen)])
    func holds(state: FreezeState, expected: BackendFreezing) throws {
        let record = RouteRecord(state: .ready, address: "127.0.0.1:8080", bearerToken: nil, hold: state)
        #expect(RouteAnswer(record) == .ready(try SocketAddress(ipAddress: "127.0.0.1", port: 8080), token: nil, hold: expected))
    }

    @Test("an address that cannot be read is as good as an end", arguments: [nil, "", "8080", "host:80", "1.2.3.4", "1.2.3.4:99999"])
    func unreadable(address: String?) {
        #expect(RouteAnswer(RouteRecord(state: .ready, address: address, bearerToken: nil)) == .ended)
    }

    @Test("IPv6 addresses are written in brackets")
    func ipv6() throws {
        let answer = RouteAnswer(RouteRecord(state: .ready, address: "[::1]:80", bearerToken: nil))
        #expect(answer == .ready(try SocketAddress(ipAddress: "::1", port: 80), token: nil))
    }

    @Test("a name nobody has written down is none, and the version is the same when nothing happens")
    func empty() throws {
        let directory = try TemporaryDirectory()
        let source = StoreRouteSource(store: try DroneStore.openBlocking(path: directory.file("drone.sqlite3")))
        #expect(try source.route("b-1") == .none)
        let version = try source.changes(since: nil).version
        #expect(try source.changes(since: version) == RouteChanges(version: version, names: .listed([])))
        try source.recordActivity([BackendActivity(name: "b-1", openRequests: 1)], at: 1000)
        try source.want(["b-1"], at: 1000)
        #expect(try source.holds().isEmpty)
    }
}
