import Logging
import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneService
import PlaneTestSupport

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func client(on server: NATSServer) async throws -> PlaneClient {
    PlaneClient(connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: silent), logger: silent)
}

/// Runs `body` with a client, on a server where a fake scheduler answers.
func withClient(_ body: @escaping @Sendable (PlaneClient, FakeScheduler) async throws -> Void) async throws {
    try await withFakeScheduler { scheduler, server in
        let client = try await client(on: server)
        try await body(client, scheduler)
        await client.bus.connection.drain(timeout: .seconds(2))
    }
}

/// What a call throws; nil if it throws nothing.
func failure(of body: () async throws(PlaneError) -> Void) async -> PlaneError? {
    do throws(PlaneError) {
        try await body()
        return nil
    } catch {
        return error
    }
}
