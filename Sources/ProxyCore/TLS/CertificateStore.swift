package import Logging
import LogKeys
package import Metrics
package import NIOCore
package import NIOSSL
import Synchronization

/// Reads a certificate from files, and again when they change. Open connections keep the one with which they began.
package final class CertificateStore: CertificateSource {
    private let files: CertificatePaths
    private let offersHTTP2: Bool
    private let shutdownTimeout: TimeAmount
    /// By the names of domains, in lower case: theirs, and those of the names below, take precedence.
    private let others: [(domain: String, store: CertificateStore)]
    /// The label of its metric: empty for the certificate that is served to everybody else.
    private let labels: [(String, String)]
    private let metrics: any MetricsFactory
    private let logger: Logger
    private let pair = Mutex<ServerCertificate?>(nil)
    private let key = Mutex(TicketKey.random())
    private let watch = Mutex(Watch())

    private struct Watch {
        var machine = CertificateReloadMachine()
        var unreadable: CertificateError?
        var task: RepeatedTask?
    }

    /// How long a client that stays may take to answer the closing alert. One that goes is not waited for.
    package static let shutdownTimeout: TimeAmount = .seconds(2)

    /// - Parameters:
    ///   - offersHTTP2: Tell clients that they may speak HTTP/2.
    ///   - cluster: Which cluster's certificate the metric of its end is about; nil for the one that is served to everybody else.
    ///   - others: Certificates of other domains, by their names in lower case: served to clients that ask for such a name or one below it (RFC 6066 §3).
    package init(
        files: CertificatePaths, offersHTTP2: Bool, cluster: String? = nil, others: [String: CertificateStore] = [:],
        shutdownTimeout: TimeAmount = CertificateStore.shutdownTimeout, metrics: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) {
        self.files = files
        self.labels = cluster.map { [("cluster", $0)] } ?? []
        self.metrics = metrics
        // Of two domains, one of which is below the other, that one is asked first.
        self.others = others.map { (domain: $0.key, store: $0.value) }.sorted { $0.domain.utf8.count > $1.domain.utf8.count }
        self.offersHTTP2 = offersHTTP2
        self.shutdownTimeout = shutdownTimeout
        self.logger = logger
    }

    /// What new connections use; nil while there is no valid certificate.
    package var context: NIOSSLContext? { self.pair.withLock { $0?.context } }

    /// Encrypts the tickets by which returning clients resume their sessions.
    package var ticketKey: TicketKey { self.key.withLock { $0 } }

    /// Takes over the ticket key of the process that this one replaces. Called before the start.
    package func adopt(_ ticketKey: TicketKey) { self.key.withLock { $0 = ticketKey } }

    /// Nil where the default is to be served: for a name of no other domain, and for one whose files cannot be read.
    private func other(_ name: String) -> ServerCertificate? {
        let name = name.lowercased()
        let found = self.others.first { domain, _ in name == domain || name.hasSuffix(".\(domain)") }
        return found?.store.pair.withLock { $0 }
    }

    private func load(_ contents: CertificateContents, _ ticketKey: TicketKey) throws(CertificateError) -> ServerCertificate {
        var others: (@Sendable (String) -> ServerCertificate?)?
        if !self.others.isEmpty { others = { [weak self] name in self?.other(name) } }
        return try ServerCertificate(
            contents, files: self.files, offersHTTP2: self.offersHTTP2, ticketKey: ticketKey, shutdownTimeout: self.shutdownTimeout, others: others)
    }

    /// Looks at the files now, and from then on at every `interval`, on a loop that may be blocked for a moment.
    package func start(on loop: any EventLoop, every interval: TimeAmount) {
        for (_, store) in self.others { store.start(on: loop, every: interval) }
        self.checkFiles()
        let task = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in self.checkFiles() }
        self.watch.withLock { $0.task = task }
    }

    package func stop() {
        for (_, store) in self.others { store.stop() }
        self.watch.withLock { $0.task?.cancel() }
    }

    func checkFiles() {
        self.renewTicketKey(at: TicketKey.now())
        let isServing = self.pair.withLock { $0 != nil }
        let contents: CertificateContents?
        do throws(CertificateError) {
            contents = try self.files.read()
            self.watch.withLock { $0.unreadable = nil }
        } catch {
            contents = nil
            self.noteUnreadable(error, isServing: isServing)
        }
        guard self.watch.withLock({ $0.machine.saw(contents, isServing: isServing) }), let contents else { return }
        do throws(CertificateError) {
            let loaded = try self.load(contents, self.ticketKey)
            self.pair.withLock { $0 = loaded }
            Gauge(label: "plane_certificate_expiry_timestamp_seconds", dimensions: self.labels, factory: self.metrics).record(loaded.expires)
            self.logger.info(
                "certificate loaded", metadata: [LogKey.certificate: "\(self.files.certificatePath)", LogKey.expiresAt: "\(loaded.expires)"])
        } catch {
            self.logger.warning(
                isServing ? "certificate not loaded, the one before stays in use" : "no certificate to serve, TLS handshakes are refused",
                metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Replaces an old ticket key. This takes a new context: one that is in use must not be changed, since other threads use it for handshakes.
    func renewTicketKey(at now: Int64) {
        guard self.ticketKey.isOld(at: now) else { return }
        let key = TicketKey.random()
        self.key.withLock { $0 = key }
        guard let contents = self.pair.withLock({ $0?.contents }) else { return }
        // What was right when it was loaded is right now.
        guard let renewed = try? self.load(contents, key) else { return }
        self.pair.withLock { $0 = renewed }
    }

    /// Logs each reason once, not every second.
    private func noteUnreadable(_ error: CertificateError, isServing: Bool) {
        let isNew = self.watch.withLock { watch in
            defer { watch.unreadable = error }
            return watch.unreadable != error
        }
        guard isNew else { return }
        self.logger.warning(
            isServing ? "certificate cannot be read, the one before stays in use" : "no certificate to serve, TLS handshakes are refused until there is one",
            metadata: [LogKey.error: "\(error)"])
    }
}
