import ArgumentParser
import Logging
import NATS
import NATSAddressing
import PlaneClient

/// The options of every command.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "NATS servers, separated by commas: nats:// or tls://, with user:password@ or token@ if needed.",
            discussion: "Default: PLANE_NATS_URL, or nats://127.0.0.1:4222.", valueName: "url"))
    var nats: String?

    @Option(help: ArgumentHelp("Credentials file for NATS (user JWT and key).", valueName: "file"))
    var natsCreds: String?

    @Option(help: ArgumentHelp("CA certificates to trust for NATS, as PEM.", valueName: "file"))
    var natsCa: String?

    @Flag(help: "Print JSON: one document, or one line per event for commands that follow something.")
    var json = false

    static let defaultURL = "nats://127.0.0.1:4222"

    /// The options of the connection: from the command line, then the environment, then the default.
    func natsOptions(environment: [String: String]) -> NATSOptions {
        let urls = self.nats ?? environment["PLANE_NATS_URL"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultURL
        let credentials = self.natsCreds ?? environment["PLANE_NATS_CREDENTIALS"].flatMap { $0.isEmpty ? nil : $0 }
        return NATSOptions(
            servers: urls.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }.map(String.init),
            authentication: credentials.map { .credentialsFile($0) } ?? .none,
            tls: self.natsCa.map { NATSTLSOptions(caFile: $0) },
            name: "plane command line",
            inboxPrefix: "cli.inbox",
            // A person is waiting, so there is only one attempt, and a clear error.
            initialAttempts: 1)
    }

    /// Connects, runs the command's work, and turns its failures into a message and an exit status.
    /// - Parameter unconnected: told why there is no connection, where the command has a document for its failures.
    func run(
        unconnected: (CommandError, Console) -> Void = { _, _ in }, _ body: (PlaneClient, Console) async throws -> Void
    ) async throws {
        let console = Console.current
        let failure: CommandError
        do {
            let connection: NATSConnection
            do throws(NATSError) {
                connection = try await NATSConnection.connect(self.natsOptions(environment: console.environment), logger: Self.silent)
            } catch {
                unconnected(CommandError(error), console)
                throw error
            }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(PlaneClient(connection: connection, logger: Self.silent), console))
            } catch {
                result = .failure(error)
            }
            await connection.drain(timeout: .seconds(1))
            return try result.get()
        } catch let error as CommandError {
            failure = error
        } catch let error as PlaneError {
            failure = CommandError(error)
        } catch let error as NATSError {
            failure = CommandError(error)
        }
        console.fail(failure)
        throw ExitCode(failure.status.rawValue)
    }

    /// Log messages of the libraries are not shown; errors contain what matters.
    private static let silent = Logger(label: "plane") { _ in SwiftLogNoOpLogHandler() }
}
