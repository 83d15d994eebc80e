import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneState
import Testing

@testable import plane

@Suite("Listings of the fleet")
struct ListingTests {
    private static let now = StateTime(milliseconds: 1_700_000_100_000)

    /// The fleet after these changes of `plane.test`.
    private static func fleet(_ changes: [ClusterStateMessage]) throws -> FleetState {
        var fleet = FleetState()
        for (index, change) in changes.enumerated() {
            fleet.apply(.cluster(try .make("plane.test"), change), sequence: UInt64(index + 1), published: WireTime(seconds: 0))
        }
        return fleet
    }

    private static func backend(
        _ id: String, _ state: BackendState?, secondsAgo: Int64 = 0, lock: LockName? = nil
    ) throws -> [ClusterStateMessage] {
        let assignment = BackendAssignment(
            drone: try .make("drone-a"), bearerToken: "s3cret",
            lockAssignment: lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 1)) })
        var changes: [ClusterStateMessage] = [.backend(BackendMessage(backend: try .make(id), change: .assignment(assignment)))]
        if let state {
            let time = StateTime(milliseconds: Self.now.rawValue - secondsAgo * 1000)
            changes.append(.backend(BackendMessage(backend: try .make(id), change: .state(state, at: time))))
        }
        return changes
    }

    @Test("show drones in order, and say unknown for what is")
    func drones() throws {
        let metadata = DroneMetadata(ip: try #require(IPAddress("203.0.113.7")), version: "0.4.0", gitHash: "0123456789")
        let seen = StateTime(milliseconds: Self.now.rawValue - 3000)
        let fleet = try Self.fleet([
            .drone(DroneMessage(drone: .make("b"), change: .state(.draining, at: seen))),
            .drone(DroneMessage(drone: .make("a"), change: .metadata(metadata))),
            .drone(DroneMessage(drone: .make("a"), change: .state(.ready, at: seen))),
            .drone(DroneMessage(drone: .make("a"), change: .keepAlive(at: seen))),
        ])
        let cluster = try ClusterName.make("plane.test")
        let listing = DroneList(cluster: cluster, drones: fleet.drones(in: cluster))
        #expect(
            listing.lines(now: Self.now, .plain) == [
                "plane.test",
                "  DRONE  STATE     SEEN       BACKENDS  IP           VERSION  GIT",
                "  a      Ready     3.0 s ago  0         203.0.113.7  0.4.0    0123456",
                "  b      Draining  never      0         unknown      unknown  -",
            ])
        #expect(
            String(decoding: WireCodec.encode(listing), as: UTF8.self)
                == #"{"cluster":"plane.test","drones":[{"drone":"a","state":"Ready","last_seen":"2023-11-14T22:14:57Z","#
                + #""backends":0,"ip":"203.0.113.7","version":"0.4.0","git_hash":"0123456789"},"#
                + #"{"drone":"b","state":"Draining","last_seen":null,"backends":0,"ip":null,"version":null,"git_hash":null}]}"#)
    }

    @Test("show what is open, most first")
    func connections() throws {
        func item(_ backend: String, _ requests: UInt32, _ webSockets: UInt32) throws -> ConnectionList.Item {
            .init(drone: try .make("drone-a"), entry: .init(backend: try .make(backend), requests: requests, webSockets: webSockets))
        }
        let listing = ConnectionList(
            cluster: try .make("plane.test"), items: [try item("few", 0, 1), try item("many", 2, 31), try item("also-few", 1, 0)])
        #expect(
            listing.lines(.plain) == [
                "plane.test",
                "  BACKEND   DRONE    REQUESTS  WEBSOCKETS",
                "  many      drone-a  2         31",
                "  also-few  drone-a  1         0",
                "  few       drone-a  0         1",
            ])
        #expect(
            String(decoding: WireCodec.encode(listing), as: UTF8.self).hasPrefix(
                #"{"cluster":"plane.test","backends":[{"backend_id":"many","drone":"drone-a","requests":2,"websockets":31,"backend":"many"},"#))
    }

    @Test("show live backends, newest first, and count the ended ones")
    func backends() throws {
        let fleet = try Self.fleet(
            Self.backend("b-old", .ready, secondsAgo: 100, lock: LockName(rawValue: "doc\n42"))
                + Self.backend("b-new", .starting, secondsAgo: 1) + Self.backend("b-gone", .swept) + Self.backend("b-unknown", nil))
        let cluster = try ClusterName.make("plane.test")
        let backends = fleet.backends(in: cluster)
        let listing = BackendList(cluster: cluster, backends: backends, showsEnded: false)
        #expect(listing.hiddenCount == 1)
        #expect(
            listing.lines(now: Self.now, .plain) == [
                "plane.test",
                "  BACKEND               STATE     SINCE       DRONE    LOCK",
                "  b-new.plane.test      Starting  1.0 s       drone-a  -",
                "  b-old.plane.test      Ready     1 min 40 s  drone-a  doc\u{FFFD}42",
                "  b-unknown.plane.test  unknown   -           drone-a  -",
            ])
        let all = BackendList(cluster: cluster, backends: backends, showsEnded: true)
        #expect(all.backends.count == 4)
        #expect(!String(decoding: WireCodec.encode(all), as: UTF8.self).contains("s3cret"))
    }

    @Test("cut a long lock")
    func longLock() throws {
        let lock = try #require(LockName(rawValue: String(repeating: "x", count: 41)))
        #expect(lock.printable == String(repeating: "x", count: 40) + "…")
    }
}
