/// Which message ends a request.
package enum AwaitedAnswer: Sendable, Hashable {
    /// The first message.
    case anything
    /// The first message that is no acknowledgement of JetStream. If a stream covers the request's subject, the server stores the request and sends an
    /// acknowledgement to the requester before any service can answer.
    case anythingButAcknowledgement
}
