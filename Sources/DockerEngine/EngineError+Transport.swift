import AsyncHTTPClient
import NIOCore

extension EngineError {
    /// The error for a failure below HTTP: no connection, a broken one, a time limit, a cancelled task.
    init(transport error: any Error, attempt: String, endpoint: DockerEndpoint) {
        switch error {
        case let error as EngineError:
            self = error
        case is CancellationError:
            self.init(.cancelled, attempt: attempt)
        case let error as HTTPClientError where error == .cancelled:
            self.init(.cancelled, attempt: attempt)
        case is TimeLimitReached:
            self.init(.timedOut, attempt: attempt, hint: "is the machine overloaded, or dockerd stuck?")
        case is NIOTooManyBytesError:
            self.init(.replyTooLarge, attempt: attempt)
        case let error as IOError:
            self.init(.daemonUnreachable, attempt: attempt, hint: endpoint.hint(errno: error.errnoCode), cause: error)
        default:
            self.init(.daemonUnreachable, attempt: attempt, hint: endpoint.hint(errno: nil), cause: error)
        }
    }
}
