import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

struct TerminateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminate", abstract: "Stop a backend, and wait until it has stopped.")

    @Argument(help: ArgumentHelp("The cluster, such as plane.test.", valueName: "cluster"))
    var cluster: ClusterName

    @Argument(help: ArgumentHelp("The backend.", valueName: "backend"))
    var backend: BackendID

    @Flag(name: .customLong("no-wait"), help: "Return as soon as the drones have the request.")
    var noWait = false

    @Option(help: ArgumentHelp("Wait at most this long for the end.", valueName: "seconds"))
    var wait: UInt32 = 30

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            let history = BackendHistory(bus: bus, backend: self.backend)
            // Every agent of the cluster acknowledges the request, whether or not the backend is its own, so the
            // acknowledgement alone would be no proof of anything.
            guard let newest = try await history.newest(), newest.cluster == self.cluster else {
                throw CommandFailure(
                    .failed, "\(self.cluster) has no backend \(self.backend).",
                    advice: "plane list-backends shows which there are.")
            }
            guard !newest.state.isTerminal else { return self.report(newest, "It had ended already.", console) }
            do throws(RequestFailure) {
                _ = try await bus.request(TerminationRequest(
                    cluster: self.cluster, backendID: self.backend, requestedBy: Requester.name(console.environment)))
            } catch {
                throw CommandFailure(error, answering: "any drone of \(self.cluster)")
            }
            if self.noWait { return self.report(newest, "Termination was requested.", console) }
            let last = try await withDeadline(.seconds(self.wait), of: "waiting for the end of \(self.backend)") {
                var last = newest
                try await history.forEach(follow: true) { message, _ in
                    last = message
                    return !message.state.isTerminal
                }
                return last
            }
            self.report(last, "Terminated successfully", console)
        }
    }

    private func report(_ message: BackendStateMessage, _ sentence: String, _ console: Console) {
        if self.global.json { return console.json(message) }
        console.line(sentence)
        console.line(StatusLine(message).text(console))
    }
}
