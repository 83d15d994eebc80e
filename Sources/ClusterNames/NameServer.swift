package import DNSCore
package import Logging
package import NATS
import LogKeys
import PlaneProtocol
import PlaneService
import ServiceLifecycle
import StateReplication

/// The service of `dns`: follows the stream `plane_state`, runs the DNS server that answers from it, and reports its age in log and metrics.
package struct NameServer: Service {
    /// How often metrics are set and the age of the answers is checked.
    static let reportInterval: Duration = .seconds(1)

    private let server: DNSServer<ZoneStore>
    private let fleet: ZoneStore
    private let jetStream: JetStream
    private let logger: Logger

    /// - Parameter server: is listening already.
    package init(server: DNSServer<ZoneStore>, fleet: ZoneStore, jetStream: JetStream, logger: Logger) {
        self.server = server
        self.fleet = fleet
        self.jetStream = jetStream
        self.logger = logger
    }

    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await StateFollower(jetStream: self.jetStream, fleet: self.fleet, logger: self.logger).run() }
            group.addTask { await self.reportReadiness() }
            group.addTask { await self.report() }
            // Whether the task is cancelled or shut down in order, the process ends.
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await self.server.stop()
    }

    private func reportReadiness() async {
        await self.fleet.waitUntilCaughtUp()
        guard !Task.isCancelled else { return }
        let status = self.fleet.status
        self.logger.info("dns is ready", metadata: [LogKey.sequence: "\(status.sequence)", LogKey.count: "\(status.names)"])
    }

    private func report() async {
        let metrics = NameServerMetrics()
        var reporter = NameServerReport()
        while !Task.isCancelled {
            let status = self.fleet.status
            let age = status.published.map { WireTime.now().secondsSince($0) }
            metrics.report(status, age: age, self.server.counters.snapshot)
            switch reporter.observe(isCaughtUp: status.isCaughtUp, age: age) {
            case .none: break
            case .becameOld:
                self.logger.error(
                    "answers are from an old state of the fleet: nothing new comes from NATS, or no scheduler runs",
                    metadata: [LogKey.sequence: "\(status.sequence)"])
            case .becameCurrent: self.logger.notice("answers are current again", metadata: [LogKey.sequence: "\(status.sequence)"])
            }
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: Self.reportInterval)
        }
    }
}

/// Decides when the log says that the answers are old, or current again: at each change, not every second.
struct NameServerReport {
    enum Finding: Equatable {
        case none, becameOld, becameCurrent
    }

    /// After so many seconds without a message the answers count as old. Schedulers write a heartbeat every second; a restart of nats-server takes a few.
    static let ageLimit: Double = 10

    private var isOld = false

    mutating func observe(isCaughtUp: Bool, age: Double?) -> Finding {
        // Before the server has caught up there are no answers, and the log has said what it waits for.
        guard isCaughtUp else { return .none }
        let wasOld = self.isOld
        self.isOld = age.map { $0 > Self.ageLimit } ?? true
        return self.isOld == wasOld ? .none : self.isOld ? .becameOld : .becameCurrent
    }
}

extension WireTime {
    /// The difference in seconds; negative if the other clock is ahead.
    fileprivate func secondsSince(_ earlier: WireTime) -> Double {
        Double(self.seconds - earlier.seconds) + Double(self.nanoseconds - earlier.nanoseconds) / 1e9
    }
}
