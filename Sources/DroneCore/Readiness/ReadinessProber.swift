import NetworkAddresses
import NIOCore
package import NIOPosix
import PlaneProtocol

/// Asks a container's port until it answers in HTTP.
///
/// Any HTTP response counts, whatever its status: the server is there, and what it says about `/` is its own business.
package struct ReadinessProber: Sendable {
    private let group: MultiThreadedEventLoopGroup

    package init(group: MultiThreadedEventLoopGroup = .singleton) {
        self.group = group
    }

    /// - Returns: `unanswered` when the limit has passed, or the task was cancelled.
    package func waitForAnswer(from address: ContainerAddress, limit: Duration) async -> ProbeResult {
        let clock = ContinuousClock()
        let start = clock.now
        var silence = ProbeResult.Silence.closed
        while !Task.isCancelled {
            let left = limit - (clock.now - start)
            guard left > .zero else { break }
            switch await self.attempt(address, within: left) {
            case .answered: return .answered
            case .unanswered(.mute): silence = .mute
            case .unanswered(.closed): break  // once open stays what is told: it tells more
            }
            let pause = ProbeSchedule.pause(after: clock.now - start)
            guard (try? await clock.sleep(for: pause)) != nil else { break }  // cancelled: nobody wants to know
        }
        return .unanswered(silence)
    }

    /// One connection, one request, the first bytes of one response.
    private func attempt(_ address: ContainerAddress, within limit: Duration) async -> ProbeResult {
        guard let target = try? SocketAddress(ipAddress: address.ip.description, port: Int(address.port)) else {
            return .unanswered(.closed)
        }
        let loop = self.group.next()
        let answer = loop.makePromise(of: ProbeResult.self)
        let connection = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(min(limit, ProbeSchedule.connectLimit)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ProbeHandler(host: "\(address)", limit: TimeAmount(min(limit, ProbeSchedule.responseLimit)), answer: answer))
                }
            }
            .connect(to: target)
        connection.whenFailure { _ in answer.succeed(.unanswered(.closed)) }
        return await withTaskCancellationHandler {
            // The promise is only ever succeeded: by the handler, or above when there is no connection.
            (try? await answer.futureResult.get()) ?? .unanswered(.closed)
        } onCancel: {
            connection.whenSuccess { $0.close(promise: nil) }
        }
    }
}
