import ArgumentParser
import PlaneTestSupport

@testable import plane

/// Runs a command as the program would, on a server.
/// - Parameter input: what a person would type.
func runPlane(
    _ arguments: [String], server: NATSServer, environment: [String: String] = [:], input: [String] = [],
    recorder: ConsoleRecorder = ConsoleRecorder()
) async throws -> (status: Int32, recorder: ConsoleRecorder) {
    var environment = environment
    environment["PLANE_NATS_URL"] = environment["PLANE_NATS_URL"] ?? server.url
    let console = recorder.console(environment: environment, input: input)
    return try await Console.$current.withValue(console) {
        do {
            var command = try PlaneCommand.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
            return (0, recorder)
        } catch let code as ExitCode {
            return (code.rawValue, recorder)
        }
    }
}
