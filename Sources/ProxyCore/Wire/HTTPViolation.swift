/// Why a message is refused: it breaks RFC 9110 or 9112, can be read in two ways, or is larger than allowed.
///
/// After a violation by a client the proxy answers with ``status`` and closes the connection, since nobody can tell where the next message would begin. One
/// by a backend is answered with 502.
package enum HTTPViolation: Error, Equatable, Sendable {
    // Size
    case headTooLarge, lineTooLong, tooManyFields, trailersTooLarge
    // Lines
    case bareLineFeed, malformedRequestLine, malformedStatusLine, unsupportedVersion
    // Fields
    case malformedFieldName, malformedFieldValue, foldedField, repeatedField, malformedHost, missingHost, misleadingField
    case protectedFieldNominated
    case unknownExpectation
    case connectionFieldInHTTP2, bodyContradictsLength
    // Target
    case malformedTarget, hostContradictsTarget
    // Framing
    case malformedContentLength, contentLengthBesideTransferEncoding, unsupportedTransferEncoding
    case malformedChunkSize, malformedChunkExtension, malformedChunkEnd, forbiddenTrailer

    /// The status of the answer to a client.
    package var status: ProxyStatus {
        switch self {
        case .headTooLarge, .lineTooLong, .tooManyFields: .requestHeaderFieldsTooLarge
        case .unknownExpectation: .expectationFailed
        default: .badRequest
        }
    }

    /// A sentence that explains it to people.
    package var sentence: String {
        switch self {
        case .headTooLarge: "The message head is too large."
        case .lineTooLong: "A line of the message is too long."
        case .tooManyFields: "The message has too many header fields."
        case .trailersTooLarge: "The trailer section is too large."
        case .bareLineFeed: "A line ends without a carriage return."
        case .malformedRequestLine: "The request line is malformed."
        case .malformedStatusLine: "The status line is malformed."
        case .unsupportedVersion: "The HTTP version is not 1.0 or 1.1."
        case .malformedFieldName: "A header field name is malformed."
        case .malformedFieldValue: "A header field value contains a forbidden byte."
        case .foldedField: "A header field is folded over several lines."
        case .repeatedField: "A header field that may appear once is repeated."
        case .malformedHost: "The Host field is malformed."
        case .missingHost: "The Host field is missing."
        case .misleadingField: "A header field looks like a framing field but is not one."
        case .protectedFieldNominated: "The Connection field names a field that must not be removed."
        case .connectionFieldInHTTP2: "The request carries a field that does not exist in HTTP/2."
        case .unknownExpectation: "The Expect field holds something else than 100-continue."
        case .bodyContradictsLength: "The request's body is not as long as its head says."
        case .malformedTarget: "The request target is malformed."
        case .hostContradictsTarget: "The request target and the Host field name different hosts."
        case .malformedContentLength: "The Content-Length field is malformed."
        case .contentLengthBesideTransferEncoding: "Content-Length and Transfer-Encoding are both present."
        case .unsupportedTransferEncoding: "The transfer encoding is not exactly chunked."
        case .malformedChunkSize: "A chunk size is malformed."
        case .malformedChunkExtension: "A chunk extension is malformed or too long."
        case .malformedChunkEnd: "A chunk does not end where its size says."
        case .forbiddenTrailer: "The trailer section contains a field that may not be there."
        }
    }
}
