import EpollTransport
import NIOCore
import PlaneTestSupport
import Synchronization

/// Writes down what a socket says, and the bytes it brings.
final class SocketLog: StreamSocketReceiver, Sendable {
    enum Event: Equatable {
        case connected
        case readCompleted
        case inputEnded
        case inputEndsSoon
        case becameWritable
        case outputClosed
        case closed(CInt?)
    }

    private let events = Recorder<Event>()
    private let bytes = Mutex<[UInt8]>([])
    private let onBytes: @Sendable () -> Void

    init(onBytes: @escaping @Sendable () -> Void = {}) {
        self.onBytes = onBytes
    }

    /// Without the ends of reads, of which there may be any number.
    var said: [Event] { self.events.all.filter { $0 != .readCompleted } }
    var readCount: Int { self.events.all.count { $0 == .readCompleted } }
    var received: [UInt8] { self.bytes.withLock { $0 } }
    var text: String { String(decoding: self.received, as: UTF8.self) }

    func hears(_ event: Event) async throws { try await eventually("\(event)") { self.said.contains(event) } }

    func hears(_ text: String) async throws { try await eventually("“\(text)”") { self.text == text } }

    func socketConnected() { self.events.record(.connected) }

    func socketReceived(_ buffer: ByteBuffer) {
        self.bytes.withLock { $0 += buffer.readableBytesView }
        self.onBytes()
    }

    func socketReadCompleted() { self.events.record(.readCompleted) }

    func socketInputEnded() { self.events.record(.inputEnded) }

    func socketInputEndsSoon() { self.events.record(.inputEndsSoon) }

    func socketBecameWritable() { self.events.record(.becameWritable) }

    func socketOutputClosed() { self.events.record(.outputClosed) }

    func socketClosed(_ error: (any Error)?) { self.events.record(.closed((error as? IOError)?.errnoCode)) }
}
