import Dispatch
package import Logging
import LogKeys
package import NIOCore
import NIOSSL
package import RedisClient
import Synchronization

/// Certificates in Redis: the fields `certificate` and `key` of `tls:NAME` or, if that has no usable pair, of `tls:*.REST`.
///
/// A pair is served for 30 s without being read again, and for longer while Redis cannot be reached. A name that was not found is looked up again with the
/// next handshake, once for all that wait.
///
/// Visitors may make up any number of names below a wildcard. A pair is parsed once for all of them, and they take a part of the room only.
package final class RedisCertificates: CertificateFinder {
    private struct Kept {
        let pair: ServedCertificate
        /// The name under which the pair is stored, and its certificate and key as they are stored.
        let source: String
        let text: [[UInt8]]
        let readAt: NIODeadline
    }

    private struct State {
        var kept: [String: Kept] = [:]
        var waiting: [String: [@Sendable (ServedCertificate?) -> Void]] = [:]
    }

    /// How many handshakes may wait for one name; further ones fail.
    private static let waitingLimit = 1000

    private let redis: RedisCaller
    private let freshness: TimeAmount
    /// For how many names pairs are kept.
    private let keptLimit: Int
    /// For how many of them with the same pair.
    private var sharedLimit: Int { max(1, self.keptLimit / 10) }
    private let logger: Logger
    private let state = Mutex(State())
    /// A queue of its own, since parsing a key takes some milliseconds.
    private let queue = DispatchQueue(label: "certificates")

    package init(_ redis: RedisCaller, freshness: TimeAmount = .seconds(30), keptLimit: Int = 1000, logger: Logger) {
        self.redis = redis
        self.freshness = freshness
        self.keptLimit = keptLimit
        self.logger = logger
    }

    package func source(preset: TLSPreset, offersHTTP2: Bool, defaultName: String?) throws -> NamedCertificates {
        try NamedCertificates(self, preset: preset, offersHTTP2: offersHTTP2, defaultName: defaultName, stopping: { self.redis.close() })
    }

    func find(_ name: String, _ body: @escaping @Sendable (ServedCertificate?) -> Void) {
        enum Step { case serve(ServedCertificate), ask, wait, refuse }
        let step: Step = self.state.withLock { state in
            if let kept = state.kept[name], NIODeadline.now() - kept.readAt < self.freshness { return .serve(kept.pair) }
            guard let waiting = state.waiting[name] else {
                state.waiting[name] = [body]
                return .ask
            }
            guard waiting.count < Self.waitingLimit else { return .refuse }
            state.waiting[name]?.append(body)
            return .wait
        }
        switch step {
        case .serve(let pair): body(pair)
        case .refuse: body(nil)
        case .wait: break
        case .ask: self.ask(name)
        }
    }

    private func ask(_ name: String) {
        let names = [name] + (CertificateName.wildcard(of: name).map { [$0] } ?? [])
        self.redis.send(names.map { RedisCommand("HMGET", "tls:\($0)", "certificate", "key") }) { result in
            self.queue.async {
                switch result {
                case .success(let replies): self.finish(name, self.choose(names, replies), isKnown: true)
                case .failure(let error):
                    self.logger.error("certificates cannot be read", metadata: [LogKey.error: "\(error)"])
                    self.finish(name, nil, isKnown: false)
                }
            }
        }
    }

    private func choose(_ names: [String], _ replies: [RedisValue]) -> Kept? {
        for (name, reply) in zip(names, replies) {
            let parts = reply.elements?.map { $0.bytes ?? [] } ?? []
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { continue }
            let known = self.state.withLock { $0.kept.values.first { $0.source == name && $0.text == parts } }
            do throws(ServedCertificate.Problem) {
                let pair = if let known { known.pair } else { try ServedCertificate(certificate: parts[0], key: parts[1]) }
                return Kept(pair: pair, source: name, text: known?.text ?? parts, readAt: .now())
            } catch {
                self.logger.error("a certificate cannot be served", metadata: [LogKey.certificate: "tls:\(name)", LogKey.error: "\(error)"])
            }
        }
        return nil
    }

    /// - Parameter isKnown: whether Redis has answered, so that nil means that there is no pair.
    private func finish(_ name: String, _ found: Kept?, isKnown: Bool) {
        let (served, waiting) = self.state.withLock { state in
            var served = found?.pair
            if let found {
                state.kept[name] = nil
                self.makeRoom(for: found.source, in: &state)
                state.kept[name] = found
            } else if isKnown {
                state.kept[name] = nil
            } else {
                served = state.kept[name]?.pair ?? self.pair(below: CertificateName.wildcard(of: name), in: state)
            }
            return (served, state.waiting.removeValue(forKey: name) ?? [])
        }
        for body in waiting { body(served) }
    }

    /// The pair of a wildcard that was served to some other name. Names push one another out, and with Redis away none can be asked for again.
    private func pair(below wildcard: String?, in state: State) -> ServedCertificate? {
        wildcard.flatMap { wildcard in state.kept.values.filter { $0.source == wildcard }.max { $0.readAt < $1.readAt }?.pair }
    }

    private func makeRoom(for source: String, in state: inout State) {
        let isShared = state.kept.values.count { $0.source == source } >= self.sharedLimit
        guard isShared || state.kept.count >= self.keptLimit else { return }
        let oldest = state.kept.lazy.filter { !isShared || $0.value.source == source }.min { $0.value.readAt < $1.value.readAt }
        if let oldest { state.kept[oldest.key] = nil }
    }
}
