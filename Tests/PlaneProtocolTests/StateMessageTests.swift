import NetworkAddresses
import Testing

@testable import PlaneProtocol

@Suite("M14: fleet-state messages on the wire")
struct StateMessageTests {
    @Test("a heartbeat is what has no cluster, whatever else it holds")
    func heartbeat() throws {
        try expectGolden("M14-heartbeat", is: StateMessage.heartbeat)
        try expectReadable("M14-heartbeat.any-value", as: StateMessage.heartbeat)
        try expectReadable("M14-heartbeat.empty", as: StateMessage.heartbeat)
        #expect(StateMessage.heartbeat.subject == "state.heartbeat")
    }

    @Test("a lock is announced and revoked under its hash, with any 64-bit uid")
    func lock() throws {
        let announce = Self.message(.lock(LockMessage(lock: "doc-42", uid: Sample.uid, kind: .announce)))
        let revoke = Self.message(.lock(LockMessage(lock: "doc-42", uid: Sample.uid, kind: .revoke)))
        let largest = Self.message(.lock(LockMessage(lock: "", uid: LockUID(rawValue: .max), kind: .announce)))
        try expectGolden("M14-lock-announce", is: announce)
        try expectGolden("M14-lock-revoke", is: revoke)
        try expectGolden("M14-lock-announce.largest-uid", is: largest)
        let hash = LockName("doc-42").subjectHash
        #expect(announce.subject == "state.cluster.plane_test.lock.\(hash).announce")
        #expect(revoke.subject == "state.cluster.plane_test.lock.\(hash).revoke")
        #expect(largest.subject == "state.cluster.plane_test.lock.3476900567878811119.announce")
    }

    @Test("a drone's metadata, state and keep-alive")
    func drone() throws {
        let metadata = DroneMetadata(ip: .v4(203 << 24 | 113 << 8 | 7), version: "0.3.24")
        let message = Self.message(.drone(DroneMessage(drone: Sample.drone, change: .metadata(metadata))))
        try expectGolden("M14-drone-metadata", is: message)
        try expectReadable("M14-drone-metadata.missing-hash", as: message)
        #expect(message.subject == "state.cluster.plane_test.drone.drone-a.meta")

        let time = StateTime(milliseconds: 1_710_148_530_123)
        let state = Self.message(.drone(DroneMessage(drone: Sample.drone, change: .state(.ready, at: time))))
        try expectGolden("M14-drone-state", is: state)
        #expect(state.subject == "state.cluster.plane_test.drone.drone-a.status.Ready")

        let alive = Self.message(.drone(DroneMessage(drone: Sample.drone, change: .keepAlive(at: time))))
        try expectGolden("M14-drone-keep-alive", is: alive)
        #expect(alive.subject == "state.cluster.plane_test.drone.drone-a.keep_alive")
    }

    @Test("how visitors reach a drone is among its metadata; a scheme that nobody knows is none")
    func droneEndpoint() throws {
        var metadata = DroneMetadata(ip: .v4(203 << 24 | 113 << 8 | 7), version: "0.4.0", endpoint: PublicEndpoint(scheme: .https, port: 8443))
        try expectGolden(
            "ours-drone-metadata.endpoint", is: Self.message(.drone(DroneMessage(drone: Sample.drone, change: .metadata(metadata)))))
        metadata.endpoint = PublicEndpoint()
        let message = Self.message(.drone(DroneMessage(drone: Sample.drone, change: .metadata(metadata))))
        try expectReadable("ours-drone-metadata.unknown-scheme", as: message)
        #expect(message.subject == DroneMessage.metadataSubject(of: Sample.drone, in: Sample.cluster))
    }

    @Test("a backend's assignment, with a lock and without, and its state")
    func backend() throws {
        let locked = Self.backend(
            .assignment(BackendAssignment(drone: Sample.drone, lockAssignment: LockAssignment(lock: "doc-42", uid: Sample.uid))))
        try expectGolden("M14-assignment-with-lock", is: locked)
        #expect(locked.subject == "\(Self.backendSubject).assignment.lock.\(LockName("doc-42").subjectHash)")

        let free = Self.backend(.assignment(BackendAssignment(drone: Sample.drone, bearerToken: "t")))
        try expectGolden("M14-assignment", is: free)
        try expectReadable("M14-assignment.shortest", as: Self.backend(.assignment(BackendAssignment(drone: Sample.drone))))
        #expect(free.subject == "\(Self.backendSubject).assignment")

        let state = Self.backend(.state(.starting, at: StateTime(milliseconds: 1_710_148_530_456)))
        try expectGolden("M14-backend-state", is: state)
        try expectReadable("M14-backend-state.unknown-keys", as: state)
        #expect(state.subject == "\(Self.backendSubject).state.Starting")
        #expect(state.isFirstWriteWins)

        let ending = Self.backend(.ending(BackendEnding(.hard, .startupTimeout, at: WireTime(seconds: 1_710_148_530))))
        try expectGolden("M14-backend-ending", is: ending)
        #expect(ending.subject == "\(Self.backendSubject).ending")
        #expect(ending.isFirstWriteWins)
    }

    @Test("the text of a DNS challenge")
    func acme() throws {
        let message = Self.message(.acme("gfj9Xq0Rg85nM3pQ7vB2tYw6LsKzDhJcUeAoNiPxTrE"))
        try expectGolden("M14-acme", is: message)
        #expect(message.subject == "state.cluster.plane_test.acme")
        try expectGolden("M14-acme.earlier", is: Self.message(.acme("gfj9Xq0Rg85nM3pQ7vB2tYw6LsKzDhJcUeAoNiPxTrE", earlier: ["a", "b"])))
    }

    @Test("a note of when names were last changed")
    func names() throws {
        let message = Self.message(.names(changedAt: 4711))
        try expectGolden("M14-names", is: message)
        #expect(message.subject == "state.cluster.plane_test.names" && !message.isFirstWriteWins)
    }

    @Test("W8: only a backend's states refuse a second message on their subject; a drone's may be replaced")
    func firstWriteWins() {
        let time = StateTime(milliseconds: 0)
        #expect(Self.backend(.state(.ready, at: time)).isFirstWriteWins)
        #expect(!Self.backend(.assignment(BackendAssignment(drone: Sample.drone))).isFirstWriteWins)
        #expect(!Self.message(.drone(DroneMessage(drone: Sample.drone, change: .state(.ready, at: time)))).isFirstWriteWins)
        #expect(!StateMessage.heartbeat.isFirstWriteWins)
    }

    @Test("a cluster message that is broken is an error, not a heartbeat")
    func brokenIsNoHeartbeat() {
        let payload = Array(#"{"cluster":"plane.test","BackendMessage":{"backend":"b"}}"#.utf8)
        #expect(throws: MessageError(path: [.key("BackendMessage")], expected: "one of Assignment, State, Ending", found: "none of them")) {
            try WireCodec.decode(StateMessage.self, from: payload)
        }
    }

    @Test("a message on another subject than its own is refused, except for an assignment without lock")
    func subjectCheck() throws {
        let lock = try GoldenFile("M14-lock-announce").payload
        #expect(throws: MessageError.self) {
            try WireCodec.decode(StateMessage.self, from: lock, subject: "state.cluster.plane_test.lock.1.announce")
        }
        let heartbeat = try GoldenFile("M14-heartbeat").payload
        #expect(throws: MessageError.self) {
            try WireCodec.decode(StateMessage.self, from: heartbeat, subject: "state.cluster.plane_test.acme")
        }
        let locked = try GoldenFile("M14-assignment-with-lock").payload
        #expect(throws: MessageError.self) { try WireCodec.decode(StateMessage.self, from: locked, subject: Self.backendSubject) }
        let free = try GoldenFile("M14-assignment").payload
        let message: StateMessage = try WireCodec.decode(from: free, subject: Self.backendSubject)
        #expect(message.subject == "\(Self.backendSubject).assignment")
    }

    private static let backendSubject = "state.cluster.plane_test.backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10"

    private static func message(_ change: ClusterStateMessage) -> StateMessage { .cluster(Sample.cluster, change) }

    private static func backend(_ change: BackendMessage.Change) -> StateMessage {
        self.message(.backend(BackendMessage(backend: Sample.backend, change: change)))
    }
}
