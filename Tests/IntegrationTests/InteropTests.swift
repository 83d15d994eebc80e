import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// Clients that know nothing of us but the documented messages.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct InteropTests {
    /// A Python with nats-py from PyPI; `scripts/test` makes one.
    private static let python = ProcessInfo.processInfo.environment["PLANE_TEST_PYTHON"]

    @Test(
        "a request typed by hand into a stock NATS client gets the documented reply",
        .enabled(if: python != nil, "PLANE_TEST_PYTHON names no Python with nats-py"))
    func scheduleByHand() async throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Interop/schedule_by_hand.py").path
        try await withCluster(isGuarded: true) { cluster in
            let nats = try #require(cluster.guarded)
            let client = try TestProcess(
                try #require(Self.python),
                ["-u", script, nats.url(of: "application"), cluster.cluster.rawValue, DemoImage.name, nats.caPath])
            let status = await client.ended()
            #expect(status == 0, "\(client.log.joined(separator: "\n"))")
        }
    }
}
