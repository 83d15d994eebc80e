import EpollTransport
import NIOCore

extension PeerWatch {
    init(_ limits: ProxyLimits) {
        func seconds(_ time: TimeAmount) -> Int { Int(clamping: time.nanoseconds / 1_000_000_000) }
        self.init(
            idleSeconds: seconds(limits.keepAliveProbe), intervalSeconds: seconds(limits.keepAliveProbeInterval),
            questionCount: limits.keepAliveProbeCount)
    }
}
