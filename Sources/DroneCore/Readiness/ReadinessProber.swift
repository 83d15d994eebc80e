import NIOCore
package import NIOPosix
import NetworkAddresses
package import PlaneProtocol

/// Sends requests to a container's port until it answers in HTTP.
///
/// Any HTTP response to `/` counts, whatever its status, because it shows that the server runs. The spawn request may demand a path and a status.
package struct ReadinessProber: Sendable {
    private let group: MultiThreadedEventLoopGroup

    package init(group: MultiThreadedEventLoopGroup = .singleton) {
        self.group = group
    }

    /// - Returns: `unanswered` when the limit has passed, or the task was cancelled.
    package func waitForAnswer(
        from address: ContainerAddress, _ terms: ReadinessTerms = ReadinessTerms(), limit: Duration
    ) async -> ProbeResult {
        let clock = ContinuousClock()
        let start = clock.now
        var silence = ProbeResult.Silence.closed
        while !Task.isCancelled {
            let left = limit - (clock.now - start)
            guard left > .zero else { break }
            switch await self.attempt(address, terms, within: left) {
            case .answered: return .answered
            case .unanswered(let reason): if reason.tells >= silence.tells { silence = reason }
            }
            let pause = ProbeSchedule.pause(after: clock.now - start)
            guard (try? await clock.sleep(for: pause)) != nil else { break }  // cancelled: nobody wants to know
        }
        return .unanswered(silence)
    }

    /// One connection, one request, the first bytes of one response.
    private func attempt(_ address: ContainerAddress, _ terms: ReadinessTerms, within limit: Duration) async -> ProbeResult {
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
                        ProbeHandler(host: "\(address)", terms: terms, limit: TimeAmount(min(limit, ProbeSchedule.responseLimit)), answer: answer))
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

/// The result of probing a backend's port.
package enum ProbeResult: Hashable, Sendable {
    /// Why there was no answer within the limit.
    package enum Silence: Hashable, Sendable {
        /// No connection was ever accepted.
        case closed
        /// A connection was accepted, but nothing came that is HTTP.
        case mute
        /// A response came, with another status than the request demands.
        case otherStatus(UInt16)

        /// How much this says about the backend. Of several, the one that says most is reported.
        var tells: Int {
            switch self {
            case .closed: 0
            case .mute: 1
            case .otherStatus: 2
            }
        }
    }

    case answered
    case unanswered(Silence)
}

/// How often a starting backend's port is probed.
///
/// At first often, because a person is waiting: an attempt on the drone's own bridge costs some 100 µs. Later the pauses grow with the time that has passed,
/// so that a slow start is noticed only a few percent of its time late.
package enum ProbeSchedule {
    /// - Parameter elapsed: the time since the first attempt.
    package static func pause(after elapsed: Duration) -> Duration {
        switch elapsed {
        case ..<(.milliseconds(250)): .milliseconds(2)
        case ..<(.seconds(1)): .milliseconds(5)
        case ..<(.seconds(5)): .milliseconds(20)
        default: .milliseconds(100)
        }
    }

    /// A port on the drone's own bridge answers in microseconds or not at all.
    package static let connectLimit = Duration.milliseconds(500)

    /// How long the first response may take after the connection was made. If a server accepts and stays silent for longer, another attempt is made.
    package static let responseLimit = Duration.seconds(5)
}
