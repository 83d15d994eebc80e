import AsyncHTTPClient
package import NIOCore

/// Turns the bytes of an endless reply into values. No IO: bytes in any portions in, values out.
package protocol StreamDecoder: Sendable {
    associatedtype Element: Sendable

    /// Takes the next bytes; returns what they complete.
    mutating func feed(_ bytes: ByteBuffer) throws(StreamError) -> [Element]
    /// The stream has ended in order; returns what was waiting for more.
    mutating func finish() throws(StreamError) -> [Element]
}

/// Why a stream cannot be read on.
package enum StreamError: Error, Hashable {
    /// Not what the API promises.
    case malformed(String)
    /// One element is larger than we are willing to hold.
    case tooLarge(limitBytes: Int)
    /// The daemon says, inside the stream, that it failed.
    case daemonFailed(String)
}

/// A reply that goes on: events, log lines, progress. Read at the reader's pace, since bytes are fetched only when asked for.
///
/// It ends when the daemon ends it, which a restarting daemon does too; opening it again is the caller's decision. It can be
/// iterated once. Cancelling the reading task, or dropping the iterator, closes the connection.
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

        /// nil once the stream has ended.
        private var bytes: HTTPClientResponse.Body.AsyncIterator?
        private var decoder: Decoder
        /// Decoded and not yet asked for.
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
