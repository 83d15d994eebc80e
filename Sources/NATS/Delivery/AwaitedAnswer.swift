/// Which message ends a request.
package enum AwaitedAnswer: Sendable, Hashable {
    /// The first one.
    case anything
    /// The first one that is no acknowledgement of JetStream. A stream whose subjects cover the request's stores it too, and the server says
    /// so to whoever asked, before anybody else can answer.
    case anythingButAcknowledgement
}
