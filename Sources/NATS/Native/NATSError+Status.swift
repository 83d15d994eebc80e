import CNATS

extension NATSError {
    /// Makes the error for the status of a call. The library's text for it is stored per thread, so this has to be called right after the call.
    init(status: natsStatus, attempt: @autoclosure () -> String) {
        var lastStatus = NATS_OK
        let lastText = nats_GetLastError(&lastStatus).map { Self.withoutSource(String(cString: $0)) }
        let text = lastStatus == status ? lastText : nil
        self.init(
            Self.code(status), attempt: attempt(),
            detail: text ?? natsStatus_GetText(status).map { String(cString: $0) } ?? "status \(status.rawValue)")
        if self.code == .authorizationViolation, text?.lowercased().contains("permission") == true {
            self.code = .permissionDenied
        }
    }

    /// The text without the place in the library's source with which libnats begins it, such as `(conn.c:2088): `.
    private static func withoutSource(_ text: String) -> String {
        guard text.hasPrefix("("), let end = text.firstRange(of: "): ") else { return text }
        return String(text[end.upperBound...])
    }

    static func code(_ status: natsStatus) -> Code {
        switch status {
        case NATS_CONNECTION_AUTH_FAILED: .authorizationViolation
        case NATS_NOT_PERMITTED: .permissionDenied
        case NATS_NO_SERVER, NATS_IO_ERROR: .unreachable
        case NATS_SSL_ERROR, NATS_SECURE_CONNECTION_WANTED, NATS_SECURE_CONNECTION_REQUIRED: .tlsFailed
        case NATS_TIMEOUT: .timedOut
        case NATS_NO_RESPONDERS: .noResponders
        case NATS_MAX_PAYLOAD: .payloadTooLarge
        case NATS_INSUFFICIENT_BUFFER, NATS_CONNECTION_DISCONNECTED, NATS_NOT_YET_CONNECTED, NATS_STALE_CONNECTION:
            .notConnected
        case NATS_CONNECTION_CLOSED, NATS_DRAINING, NATS_INVALID_SUBSCRIPTION: .closed
        case NATS_INVALID_SUBJECT, NATS_INVALID_QUEUE_NAME: .invalidSubject
        case NATS_ADDRESS_MISSING: .invalidConfiguration
        default: .library
        }
    }
}
