import Foundation
import PlaneTestSupport
import Testing

/// The short form of `scripts/chaos scheduler`: the real program, ended again and again under load, watched from outside. In a target of its
/// own, and one after the other, because it takes the whole machine.
@Suite("Schedulers that end under load", .serialized) struct SchedulerChaosTests {
    @Test(
        "no lock is ever held twice, and every request is answered: killed at any moment; restarted in turn, with one retry at most",
        arguments: [("kill", "15"), ("rolling", "10")])
    func chaos(ending: String, seconds: String) async throws {
        let scheduler = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "scheduler").path
        try await withNATSServer { server in
            let chaos = try TestProcess.ours(
                "chaos",
                [
                    "scheduler", "--nats", server.url, "--scheduler", scheduler, "--ending", ending, "--seconds", seconds, "--settle", "0",
                ])
            let status = await chaos.ended()
            // The seed is in it.
            #expect(status == 0, "\(chaos.log.joined(separator: "\n"))")
            #expect(chaos.log.contains { $0.hasPrefix("violations") && $0.hasSuffix(" 0") })
        }
    }
}
