import NIOCore
package import PlanBPolicy
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#endif

/// At SIGUSR1 tells on standard output what is going on, and opens the access log anew, as Hipache does. SIGUSR2, at which PlanB writes
/// profiles, does nothing: it must not end the process of whoever is used to it.
package struct SituationReport: Service {
    private let source: PlanBPolicySource
    private let accessLog: LineWriter?
    private let signals: UnixSignalsSequence

    package init(_ source: PlanBPolicySource, accessLog: LineWriter?) async {
        self.source = source
        self.accessLog = accessLog
        signal(SIGUSR2, SIG_IGN)
        self.signals = await UnixSignalsSequence(trapping: .sigusr1)
    }

    package func run() async throws {
        for await _ in self.signals.cancelOnGracefulShutdown() {
            self.accessLog?.reopen()
            let text = "planb, process \(getpid())\n" + (await self.source.describe())
            // Nobody has to read it.
            text.withCString { _ = write(STDOUT_FILENO, $0, strlen($0)) }
        }
        try? await gracefulShutdown()  // a service that ends by itself would end the process
    }
}
