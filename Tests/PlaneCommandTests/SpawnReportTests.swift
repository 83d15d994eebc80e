import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite("The report of a spawn")
struct SpawnReportTests {
    private static func make(token: Secret? = nil, spawned: Bool = true) throws -> SpawnReport {
        SpawnReport(
            cluster: try .make("plane.test"),
            backend: ScheduledBackend(
                drone: try .make("drone-a"), backendID: try .make("b1"), bearerToken: token, spawned: spawned),
            elapsed: .milliseconds(231))
    }

    @Test("is JSON with keys that stay")
    func json() throws {
        var report = try Self.make(token: "t0ken")
        report.state = .ready
        report.phases = SpawnPhases(accepted: 0, ready: 5)
        #expect(
            String(decoding: WireCodec.encode(report), as: UTF8.self)
                == #"{"cluster":"plane.test","backend_id":"b1","drone":"drone-a","url":"https://b1.plane.test/","#
                + #""spawned":true,"bearer_token":"t0ken","url_with_token":"https://b1.plane.test/_plane_auth?token=t0ken","state":"Ready","phases":{"accepted":0,"ready":5},"elapsed_ms":231}"#
        )
    }

    @Test("leaves out in JSON what is not known")
    func minimalJSON() throws {
        #expect(
            String(decoding: WireCodec.encode(try Self.make()), as: UTF8.self)
                == #"{"cluster":"plane.test","backend_id":"b1","drone":"drone-a","url":"https://b1.plane.test/","#
                + #""spawned":true,"elapsed_ms":231}"#)
    }

    @Test("begins with the lines people know, the token among them because it was asked for")
    func lines() throws {
        #expect(
            try Self.make(token: "t0ken").placementLines == [
                "Backend scheduled.", "URL: https://b1.plane.test/", "Drone: drone-a", "Backend ID: b1",
                "Bearer token: t0ken", "Link for a browser: https://b1.plane.test/_plane_auth?token=t0ken",
            ])
        #expect(try Self.make(token: "a+/=&ö").linkWithToken == "https://b1.plane.test/_plane_auth?token=a%2B%2F%3D%26%C3%B6")
        #expect(try Self.make(spawned: false).placementLines.first == "A backend already held the desired lock.")
    }

    @Test("tells what the drone expects, where it does")
    func estimate() throws {
        var report = try Self.make()
        report.backend.readyInMilliseconds = 180
        #expect(report.placementLines.last == "Usually ready after 180 ms.")
        #expect(String(decoding: WireCodec.encode(report), as: UTF8.self).contains(#""spawned":true,"ready_in_ms":180,"elapsed_ms""#))
    }

    @Test("tells where the time went")
    func readyLine() throws {
        var report = try Self.make()
        #expect(report.readyLine == "Ready after 231 ms.")
        report.phases = SpawnPhases(scheduled: -2000, accepted: 0, created: 6000, started: 210_000, ready: 211_000)
        #expect(report.readyLine == "Ready after 231 ms (accepted 2 ms · created 6 ms · started 204 ms · ready 1 ms)")
        report.backend.spawned = false
        #expect(report.readyLine == "Ready.")
    }
}
