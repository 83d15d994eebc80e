import DequeModule
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// What waits to be written to a socket, in order. The first buffer has a place of its own: most of the time there is one at most, and then the
/// queue costs no memory.
struct OutputQueue {
    private struct Entry {
        var buffer: ByteBuffer
        var promise: EventLoopPromise<Void>?
    }

    /// Buffers that one call of the kernel takes at most.
    private static let vectorLimit = 64

    private var first: Entry?
    private var rest = Deque<Entry>()
    private(set) var byteCount = 0

    @inline(__always)
    var isEmpty: Bool { self.first == nil }

    @inline(__always)
    mutating func append(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        self.byteCount += buffer.readableBytes
        let entry = Entry(buffer: buffer, promise: promise)
        if self.first == nil { self.first = entry } else { self.rest.append(entry) }
    }

    /// Has the kernel take as much as it does with one call. Returns the number of bytes, or -1 with errno.
    @inline(__always)
    mutating func send(to socket: CInt) -> Int {
        guard let first else { return 0 }
        guard self.rest.isEmpty else { return self.sendVector(first, to: socket) }
        return first.buffer.withUnsafeReadableBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    private func sendVector(_ first: Entry, to socket: CInt) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.vectorLimit) { vectors in
            var count = 0
            // The buffers outlive the call: the queue has them.
            func add(_ buffer: ByteBuffer) {
                buffer.withUnsafeReadableBytes { bytes in
                    vectors[count] = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
                }
                count += 1
            }
            add(first.buffer)
            for entry in self.rest.prefix(Self.vectorLimit - 1) { add(entry.buffer) }
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = count
            return sendmsg(socket, &message, CInt(MSG_NOSIGNAL))
        }
    }

    /// Strikes off what the kernel has taken, and the empty buffers behind it. Returns the promises of what is through, in order.
    @inline(__always)
    mutating func drop(_ count: Int) -> [EventLoopPromise<Void>] {
        self.byteCount -= count
        var left = count
        var promises: [EventLoopPromise<Void>] = []
        while let entry = self.first {
            let length = entry.buffer.readableBytes
            if length > left {
                self.first?.buffer.moveReaderIndex(forwardBy: left)
                return promises
            }
            left -= length
            if let promise = entry.promise { promises.append(promise) }
            self.first = self.rest.popFirst()
        }
        return promises
    }

    /// What has to wait does not hold more memory than it needs.
    mutating func compact() {
        if let buffer = self.first?.buffer.compacted() { self.first?.buffer = buffer }
        for index in self.rest.indices { self.rest[index].buffer = self.rest[index].buffer.compacted() }
    }

    /// Empties the queue. Returns the promises that can no longer be kept.
    mutating func clear() -> [EventLoopPromise<Void>] {
        defer {
            self.first = nil
            self.rest = []
            self.byteCount = 0
        }
        return ([self.first?.promise] + self.rest.map(\.promise)).compactMap { $0 }
    }
}
