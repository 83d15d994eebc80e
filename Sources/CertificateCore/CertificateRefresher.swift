import ACME
package import Foundation
package import Logging
import LogKeys
import PlaneProtocol
import PlaneService
import ServiceLifecycle

/// The service of `cert-refresher`: orders the certificate of a cluster whenever it is due, for as long as the process lives, or once with `--once`.
package struct CertificateRefresher: Service {
    package struct Options: Sendable {
        /// The names that the certificate is for.
        package var names: [String]
        /// Whether to end after one order, or at once if none is due.
        package var runsOnce = false
        /// Longest time between two reads of the files, which a person may have removed or replaced. So a missing certificate is ordered within a minute.
        package var longestSleep: Duration = .seconds(30)

        package init(names: [String], runsOnce: Bool = false) {
            self.names = names
            self.runsOnce = runsOnce
        }
    }

    /// Clock, sleep and chance, which tests replace.
    package struct Time: Sendable {
        package var now: @Sendable () -> Date
        package var sleep: @Sendable (Duration) async throws -> Void
        /// A random number from 0 to 1.
        package var random: @Sendable () -> Double

        package init(
            now: @escaping @Sendable () -> Date = { Date() },
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
        ) {
            self.now = now
            self.sleep = sleep
            self.random = random
        }
    }

    /// Thrown with `--once` when the order failed.
    package struct OrderFailed: Error, CustomStringConvertible {
        let cause: any Error
        package var description: String {
            "no new certificate: \(self.cause)" + (CertificateRefresher.hint(on: self.cause).map { "; \($0)" } ?? "")
        }
    }

    let options: Options
    let files: CertificateFiles
    private let authority: any CertificateAuthority
    let sharing: (any CertificateSharing)?
    let time: Time
    let logger: Logger

    /// - Parameter sharing: how the drones of the cluster share one certificate; nil if each orders its own.
    package init(
        _ options: Options, files: CertificateFiles, authority: any CertificateAuthority, sharing: (any CertificateSharing)? = nil,
        time: Time = Time(), logger: Logger
    ) {
        self.options = options
        self.files = files
        self.authority = authority
        self.sharing = sharing
        self.time = time
        self.logger = logger
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await self.follow()
            } catch is CancellationError {
                // Cancelling is safe at any point: an order given up costs nothing, and files are replaced as a whole.
            }
        }
    }

    private func follow() async throws {
        var machine = RenewalMachine(spread: self.time.random())
        let mark = FailedOrderMarker(beside: self.files.certPath)
        let metrics = RefresherMetrics(cluster: self.options.names.first ?? "")
        if !self.options.runsOnce {
            self.logger.info("cert-refresher is ready", metadata: [LogKey.cluster: "\(self.options.names.first ?? "")"])
            self.respect(mark, &machine)
        }
        var told: String?
        var held: (since: Date, why: OrderDeferral)?
        while true {
            let current = self.look(&machine, &told)
            metrics.found(current?.chain)
            switch machine.next(at: self.time.now()) {
            case .wait where self.options.runsOnce:
                return
            case .wait(let until):
                metrics.waiting(until: until)
                let left = Duration.seconds(max(until.timeIntervalSince(self.time.now()), 0.1))
                try await self.time.sleep(min(left, self.options.longestSleep))
            case .askAuthority:
                machine.answered(await self.ask(current), at: self.time.now())
            case .order(let reason):
                switch try await self.patientTurn(current, since: held?.why == .othersOrder ? held?.since : nil) {
                case .adopted:
                    held = nil
                case .hold(let until, let why):
                    try await self.hold(until, why, &machine, &held)
                case .failed(let error):
                    try await self.failed(error, mayCount: false, &machine, mark, metrics)
                case .order:
                    held = nil
                    self.logger.info("ordering a certificate", metadata: [LogKey.cause: "\(reason.rawValue)"])
                    if let error = await self.order(replacing: current) {
                        try await self.failed(error, mayCount: (error as? ACMEError)?.mayCount ?? true, &machine, mark, metrics)
                    } else {
                        mark.remove()
                        metrics.ordered(success: true)
                        if self.options.runsOnce { return }
                    }
                }
            }
            try Task.checkCancellation()
        }
    }

    /// Delays the next order if one has failed shortly before this process started.
    private func respect(_ mark: FailedOrderMarker, _ machine: inout RenewalMachine) {
        guard let until = mark.lastFailure?.addingTimeInterval(FailedOrderMarker.pause), until > self.time.now() else { return }
        machine.holdOff(until: until)
        self.logger.info(
            "an order failed shortly before this start; the next one is not before this time", metadata: [LogKey.nextAttempt: "\(until.formatted(.iso8601))"])
    }

    /// Waits for another drone, with `--once` for a limited time.
    private func hold(
        _ until: Date, _ why: OrderDeferral, _ machine: inout RenewalMachine, _ held: inout (since: Date, why: OrderDeferral)?
    ) async throws {
        let now = self.time.now()
        if held?.why != why {
            held = (now, why)
            self.logger.info("no certificate is ordered here", metadata: [LogKey.cause: "\(why)"])
        }
        guard self.options.runsOnce else {
            machine.holdOff(until: until)
            return
        }
        guard why == .othersOrder, now.timeIntervalSince(held?.since ?? now) < Self.otherOrderLimit else { throw OrderFailed(cause: why) }
        try await self.time.sleep(.seconds(until.timeIntervalSince(now)))
    }

    /// Reads the files. Each reason why they cannot be served is logged once.
    private func look(_ machine: inout RenewalMachine, _ told: inout String?) -> CertificatePair? {
        do {
            switch try self.files.load(names: self.options.names, now: self.time.now()) {
            case .usable(let pair):
                machine.found(RenewalMachine.Certificate(pair.chain))
                told = nil
                return pair
            case .missing:
                machine.found(nil)
            case .unusable(let why):
                machine.found(nil)
                if told != why { self.logger.warning("the certificate cannot be served", metadata: [LogKey.cause: "\(why)"]) }
                told = why
            }
        } catch {
            machine.found(nil)
            if told != "\(error)" { self.logger.error("the certificate cannot be read", metadata: [LogKey.error: "\(error)"]) }
            told = "\(error)"
        }
        return nil
    }

    private func ask(_ pair: CertificatePair?) async -> RenewalInformation? {
        guard let pair else { return nil }
        do {
            return try await self.authority.renewalInformation(for: pair.chain)
        } catch {
            // Without the authority's advice the certificate is renewed by its age.
            self.logger.info("the authority does not say when to renew", metadata: [LogKey.error: "\(error)"])
            return nil
        }
    }

    private func order(replacing current: CertificatePair?) async -> (any Error)? {
        do {
            let pair = try await self.issue(replacing: current)
            try self.files.install(pair, names: self.options.names, now: self.time.now())
            self.logger.notice("new certificate", metadata: [LogKey.certificate: "\(pair)"])
            await self.share(pair)
            return nil
        } catch {
            return error
        }
    }

    private func issue(replacing current: CertificatePair?) async throws -> CertificatePair {
        let issue = { () async -> Result<CertificatePair, any Error> in
            do {
                return .success(try await self.authority.issue(names: self.options.names, replaces: current?.chain.renewalID))
            } catch {
                return .failure(error)
            }
        }
        guard let sharing = self.sharing else { return try await issue().get() }
        return try await sharing.whileKeepingLease(issue).get()
    }

    /// - Parameter mayCount: whether the authority may have counted the attempt against its limits, so that a restart must not repeat it at once.
    private func failed(
        _ error: any Error, mayCount: Bool, _ machine: inout RenewalMachine, _ mark: FailedOrderMarker, _ metrics: RefresherMetrics
    ) async throws {
        // A cancelled order is no failure.
        try Task.checkCancellation()
        metrics.ordered(success: false)
        let now = self.time.now()
        if self.options.runsOnce {
            // The operator who runs the command sees the failure, so the other drones need not wait.
            await self.sharing?.endLease(failedUntil: nil, now: now)
            throw OrderFailed(cause: error)
        }
        let refusal = error as? ACMEError
        if mayCount { mark.set(now) }
        machine.failed(
            isRetryable: refusal?.isRetryable ?? true, retryAfter: refusal?.retryAfter, random: self.time.random(), at: now)
        guard case .wait(let until) = machine.next(at: now) else { return }
        // An order that fails for one drone would fail for all, so the fleet tries as often as one drone.
        await self.sharing?.endLease(failedUntil: until, now: now)
        var metadata: Logger.Metadata = [LogKey.error: "\(error)", LogKey.nextAttempt: "\(until.formatted(.iso8601))"]
        if let hint = Self.hint(on: error) { metadata[LogKey.hint] = "\(hint)" }
        self.logger.error("no new certificate; the old one, if any, stays", metadata: metadata)
    }

    /// The keys of the configuration that an authority's refusal is about.
    static func hint(on error: any Error) -> String? {
        switch (error as? ACMEError)?.code {
        case .externalAccountRefused: "acme.eab.key_id and acme.eab.key have what the authority gave for the external account"
        default: nil
        }
    }
}
