package import PlaneProtocol

/// One piece of what a container printed, normally one line with its line feed.
package struct LogChunk: Hashable, Sendable {
    package enum Stream: Hashable, Sendable { case stdout, stderr }

    package var stream: Stream
    /// When the engine received it; reading continues after it.
    package var time: WireTime?
    /// As messages carry it, with the engine's time stamp in front.
    package var text: String

    package init(stream: Stream, time: WireTime?, text: String) {
        self.stream = stream
        self.time = time
        self.text = text
    }
}
