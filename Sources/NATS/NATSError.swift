/// An error of a call to NATS: what was tried, what the server or libnats said, and what can be done about it.
package struct NATSError: Error, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// No server of the list accepts connections.
        case unreachable
        /// The server refused the credentials.
        case authorizationViolation
        /// The server accepts the credentials, but forbids this subject or action.
        case permissionDenied
        /// The TLS handshake failed, or one side demands TLS and the other does not speak it.
        case tlsFailed
        /// An option, URL or file that cannot be used as it is.
        case invalidConfiguration
        /// A subject, queue name or header that must not be sent.
        case invalidSubject
        /// The connection is down and its outgoing buffer is full, or it is being set up anew.
        case notConnected
        /// The connection broke while an answer was awaited; the other side may have acted or not.
        case disconnected
        /// The connection was closed or drained by this process.
        case closed
        /// Nobody listens on the subject (status 503).
        case noResponders
        /// No answer in time; the other side may have acted or not.
        case timedOut
        /// The task that waited was cancelled.
        case cancelled
        /// More requests in flight than `RequestTable.inFlightLimit`.
        case tooManyRequests
        /// Larger than the server's `max_payload`.
        case payloadTooLarge
        /// JetStream is off, for the server or the account, or has no leader at the moment.
        case jetStreamUnavailable
        case streamNotFound
        case consumerNotFound
        case messageNotFound
        /// The subject's last sequence is not the expected one (JetStream error 10071).
        case wrongLastSequence
        /// Another message of the same subject is being written at this moment (JetStream error 10164).
        case sequenceBusy
        /// Any other refusal by JetStream; `apiErrorCode` tells which.
        case jetStreamRefused
        /// An answer that does not follow the protocol.
        case malformedReply
        /// Anything else that libnats reports.
        case library
    }

    package var code: Code
    /// What was tried, with the names of things: "request cluster.c.schedule". Never holds credentials.
    package var attempt: String
    /// The server's or the library's own words, if it had any.
    package var detail: String?
    /// What a person can do about the error.
    package var hint: String?
    /// The `err_code` of a JetStream API answer.
    package var apiErrorCode: Int?
    package var cause: (any Error)?

    package init(
        _ code: Code, attempt: String, detail: String? = nil, hint: String? = nil, apiErrorCode: Int? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.attempt = attempt
        self.detail = detail
        self.hint = hint
        self.apiErrorCode = apiErrorCode
        self.cause = cause
    }

    /// Whether the same call may succeed later without any change. After `disconnected` and `timedOut` the first attempt may have had its effect, so only
    /// calls that are harmless when repeated may be.
    package var isRetryable: Bool {
        switch self.code {
        case .unreachable, .notConnected, .disconnected, .noResponders, .timedOut, .tooManyRequests,
            .jetStreamUnavailable, .sequenceBusy:
            true
        case .authorizationViolation, .permissionDenied, .tlsFailed, .invalidConfiguration, .invalidSubject, .closed,
            .cancelled, .payloadTooLarge, .streamNotFound, .consumerNotFound, .messageNotFound, .wrongLastSequence,
            .jetStreamRefused, .malformedReply, .library:
            false
        }
    }

    /// The error in a few words, without subjects: the server's own text, if there is one.
    package var reason: String {
        if let detail = self.detail { return detail }
        return switch self.code {
        case .timedOut: "no answer in time"
        case .unreachable, .notConnected, .disconnected: "the connection to NATS is down"
        case .noResponders: "nobody listens"
        default: self.code.rawValue
        }
    }

    /// The whole error: "connect to nats://n1:4222: authorizationViolation: Authorization Violation (check user and password)".
    package var description: String {
        var text = "\(self.attempt): \(self.code.rawValue)"
        if let detail = self.detail { text += ": \(detail)" }
        if let cause = self.cause { text += ": \(cause)" }
        if let hint = self.hint { text += " (\(hint))" }
        return text
    }
}
