import AsyncHTTPClient
package import NIOCore

/// Turns the bytes of a reply without an end into values. No IO: takes bytes in any portions, and returns values.
package protocol StreamDecoder: Sendable {
    associatedtype Element: Sendable

    /// Takes the next bytes; returns the values that they complete.
    mutating func feed(_ bytes: ByteBuffer) throws(StreamError) -> [Element]
    /// Called when the stream has ended in order; returns values that were waiting for more bytes.
    mutating func finish() throws(StreamError) -> [Element]
}

/// Why a stream cannot be read further.
package enum StreamError: Error, Hashable {
    /// The bytes do not follow the API.
    case malformed(String)
    /// One element is larger than the limit.
    case tooLarge(limitBytes: Int)
    /// The daemon has reported a failure in the stream.
    case daemonFailed(String)
}

/// A reply that goes on for long: events, log lines, progress. Bytes are fetched only when the reader asks for them.
///
/// It ends when the daemon ends it, as it does when it is restarted; the caller decides whether to open another one. It can be iterated once. Cancelling the
/// reading task, or dropping the iterator, closes the connection.
package struct EngineStream<Decoder: StreamDecoder>: AsyncSequence, Sendable {
    package typealias Element = Decoder.Element
    package typealias Failure = EngineError

    private let body: HTTPClientResponse.Body
    private let decoder: Decoder
    private let attempt: String
    private let endpoint: DockerEndpoint

    init(_ response: HTTPClientResponse, decoder: Decoder, request: EngineRequest, endpoint: DockerEndpoint) {
        self.body = response.body
        self.decoder = decoder
        self.attempt = request.attempt
        self.endpoint = endpoint
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(bytes: self.body.makeAsyncIterator(), decoder: self.decoder, attempt: self.attempt, endpoint: self.endpoint)
    }

    package struct Iterator: AsyncIteratorProtocol {
        package typealias Failure = EngineError

        /// Nil once the stream has ended.
        private var bytes: HTTPClientResponse.Body.AsyncIterator?
        private var decoder: Decoder
        /// Values that are decoded and not yet returned.
        private var ready: ArraySlice<Decoder.Element> = []
        private let attempt: String
        private let endpoint: DockerEndpoint

        fileprivate init(
            bytes: HTTPClientResponse.Body.AsyncIterator, decoder: Decoder, attempt: String, endpoint: DockerEndpoint
        ) {
            self.bytes = bytes
            self.decoder = decoder
            self.attempt = attempt
            self.endpoint = endpoint
        }

        package mutating func next() async throws(EngineError) -> Decoder.Element? {
            do {
                while self.ready.isEmpty {
                    guard let portion = try await self.bytes?.next() else {
                        guard self.bytes != nil else { return nil }
                        self.bytes = nil
                        self.ready = try self.decoder.finish()[...]
                        continue
                    }
                    self.ready = try self.decoder.feed(portion)[...]
                }
                return self.ready.popFirst()
            } catch {
                self.bytes = nil
                throw self.failure(error)
            }
        }

        private func failure(_ error: any Error) -> EngineError {
            switch error {
            case StreamError.daemonFailed(let text):
                EngineError(.daemonFailed, attempt: self.attempt, message: DaemonMessage(text).text)
            case StreamError.malformed(let text):
                EngineError(.unreadableReply, attempt: self.attempt, message: DaemonMessage(text).text)
            case StreamError.tooLarge(let limit):
                EngineError(.unreadableReply, attempt: self.attempt, message: "one element is larger than \(limit) bytes")
            default:
                EngineError(transport: error, attempt: self.attempt, endpoint: self.endpoint)
            }
        }
    }
}
