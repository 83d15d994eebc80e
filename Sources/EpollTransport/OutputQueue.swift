import DequeModule
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// The bytes that wait to be written to a socket, in order. The first buffer is stored separately: mostly there is only one, and then the queue needs no
/// memory.
struct OutputQueue {
    private struct Entry {
        var buffer: ByteBuffer
        var promise: EventLoopPromise<Void>?
    }

    /// How many buffers one system call takes at most.
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

    /// Lets the kernel take as much as it will in one call. Returns the number of bytes, or -1 with errno.
    @inline(__always)
    mutating func send(to socket: CInt) -> Int {
        guard let first else { return 0 }
        guard self.rest.isEmpty else { return self.sendVector(first, to: socket) }
        return first.buffer.withUnsafeReadableBytes { Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
    }

    private func sendVector(_ first: Entry, to socket: CInt) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.vectorLimit) { vectors in
            var count = 0
            // The pointers stay valid during the call, because the queue keeps the buffers.
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

    /// Removes the bytes that the kernel has taken, and empty buffers after them. Returns the promises of the buffers that are done, in order.
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

    /// Copies buffers that have to wait, so that they keep no more memory than they need.
    mutating func compact() {
        if let buffer = self.first?.buffer.compacted() { self.first?.buffer = buffer }
        for index in self.rest.indices { self.rest[index].buffer = self.rest[index].buffer.compacted() }
    }

    /// Empties the queue. Returns the promises of what will not be sent.
    mutating func clear() -> [EventLoopPromise<Void>] {
        defer {
            self.first = nil
            self.rest = []
            self.byteCount = 0
        }
        return ([self.first?.promise] + self.rest.map(\.promise)).compactMap { $0 }
    }
}
