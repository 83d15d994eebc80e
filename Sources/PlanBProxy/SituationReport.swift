import NIOCore
package import PlanBPolicy
package import ProxyCore
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// On SIGUSR1 prints the current state to standard output and opens the access log again, as Hipache does. SIGUSR2 makes PlanB write profiles; here it does
/// nothing, and does not end the process.
package struct SituationReport: Service {
    private let source: PlanBPolicySource
    private let server: ProxyServer
    private let accessLog: LineWriter?
    private let signals: UnixSignalsSequence

    package init(_ source: PlanBPolicySource, of server: ProxyServer, accessLog: LineWriter?) async {
        self.source = source
        self.server = server
        self.accessLog = accessLog
        signal(SIGUSR2, SIG_IGN)
        self.signals = await UnixSignalsSequence(trapping: .sigusr1)
    }

    package func run() async throws {
        for await _ in self.signals.cancelOnGracefulShutdown() {
            self.accessLog?.reopen()
            let connections =
                "connections of visitors: \(self.server.openConnections) open; "
                + (self.server.isDraining ? "each ends after its request, WebSockets when they are closed\n" : "new ones are taken\n")
            let text = "planb, process \(getpid())\n" + connections + (await self.source.describe())
            // Errors are ignored: standard output may be closed.
            text.withCString { _ = write(STDOUT_FILENO, $0, strlen($0)) }
        }
        try? await gracefulShutdown()  // a service that ends by itself would end the process
    }
}
