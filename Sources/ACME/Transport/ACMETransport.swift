/// Sends one request to an authority and returns the answer, whatever its status.
///
/// An implementation does not follow redirects, limits the time and the size of an answer, and may be called by several tasks at once.
package protocol ACMETransport: Sendable {
    /// - Throws: `unreachable`, `untrustedServer`, `answerTooLarge`, `malformedAnswer`, `invalidInput` or `cancelled`.
    func send(_ request: ACMERequest) async throws(ACMEError) -> ACMEResponse
}

package struct ACMERequest: Hashable, Sendable {
    package enum Method: Hashable, Sendable {
        case get, head
        /// A JWS, sent as `application/jose+json`.
        case post(JWS)
    }

    package var method: Method
    package var url: String

    package init(_ method: Method, _ url: String) {
        self.method = method
        self.url = url
    }
}

package struct ACMEResponse: Hashable, Sendable {
    package var status: Int
    /// The value of `Replay-Nonce` (RFC 8555 §6.5.1).
    package var nonce: String?
    package var location: String?
    /// The header as it came; `RetryAfter` parses it.
    package var retryAfter: String?
    package var body: [UInt8]

    package init(status: Int, nonce: String? = nil, location: String? = nil, retryAfter: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.nonce = nonce
        self.location = location
        self.retryAfter = retryAfter
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(self.status) }
}
