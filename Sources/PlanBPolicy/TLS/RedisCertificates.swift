import Dispatch
package import Logging
import LogKeys
import NIOCore
import NIOSSL
package import RedisClient
import Synchronization

/// Certificates in Redis: the fields `certificate` and `key` of `tls:NAME` or, if that has no usable pair, of `tls:*.REST`.
///
/// A pair is served for 30 s without being read again, and for longer while Redis cannot be reached. A name that was not found is looked up again with the
/// next handshake, once for all that wait.
package final class RedisCertificates: CertificateFinder {
    private struct Kept {
        let pair: ServedCertificate
        let readAt: NIODeadline
    }

    private struct State {
        var kept: [String: Kept] = [:]
        var waiting: [String: [@Sendable (ServedCertificate?) -> Void]] = [:]
    }

    private static let freshness: TimeAmount = .seconds(30)
    private static let keptLimit = 1000
    /// How many handshakes may wait for one name; further ones fail.
    private static let waitingLimit = 1000

    private let redis: RedisCaller
    private let logger: Logger
    private let state = Mutex(State())
    /// A queue of its own, since parsing a key takes some milliseconds.
    private let queue = DispatchQueue(label: "certificates")

    package init(_ redis: RedisCaller, logger: Logger) {
        self.redis = redis
        self.logger = logger
    }

    package func source(preset: TLSPreset, offersHTTP2: Bool, defaultName: String?) throws -> NamedCertificates {
        try NamedCertificates(self, preset: preset, offersHTTP2: offersHTTP2, defaultName: defaultName, stopping: { self.redis.close() })
    }

    func find(_ name: String, _ body: @escaping @Sendable (ServedCertificate?) -> Void) {
        enum Step { case serve(ServedCertificate), ask, wait, refuse }
        let step: Step = self.state.withLock { state in
            if let kept = state.kept[name], NIODeadline.now() - kept.readAt < Self.freshness { return .serve(kept.pair) }
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

    private func choose(_ names: [String], _ replies: [RedisValue]) -> ServedCertificate? {
        for (name, reply) in zip(names, replies) {
            let parts = reply.elements?.map { $0.bytes ?? [] } ?? []
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { continue }
            do throws(ServedCertificate.Problem) {
                return try ServedCertificate(certificate: parts[0], key: parts[1])
            } catch {
                self.logger.error("a certificate cannot be served", metadata: [LogKey.certificate: "tls:\(name)", LogKey.error: "\(error)"])
            }
        }
        return nil
    }

    /// - Parameter isKnown: whether Redis has answered, so that nil means that there is no pair.
    private func finish(_ name: String, _ pair: ServedCertificate?, isKnown: Bool) {
        let (served, waiting) = self.state.withLock { state in
            var served = pair
            if let pair {
                if state.kept.count >= Self.keptLimit { Self.dropOldest(&state) }
                state.kept[name] = Kept(pair: pair, readAt: .now())
            } else if isKnown {
                state.kept[name] = nil
            } else {
                served = state.kept[name]?.pair
            }
            return (served, state.waiting.removeValue(forKey: name) ?? [])
        }
        for body in waiting { body(served) }
    }

    private static func dropOldest(_ state: inout State) {
        let oldest = state.kept.min { $0.value.readAt < $1.value.readAt }
        if let oldest { state.kept[oldest.key] = nil }
    }
}
