import CNGHTTP2

#if canImport(Glibc)
import Glibc
#endif

/// The memory of one session of libnghttp2. While the connection is idle, what the session's large blocks hold can be given back to the system.
///
/// The library asks for them when it makes a session. In version 1.52 they are a buffer of 16 KiB in which it composes frames, and a table of streams of
/// 4 KiB, which together are half of what it takes for a connection. They are put on pages of their own. A page that was given back takes no memory until
/// somebody writes to it, and reads as zeros until then.
///
/// Must live longer than the session.
final class HTTP2SessionMemory {
    enum Purpose {
        /// What the library composes. It is not needed once `nghttp2_session_mem_send` has said that there is nothing more to send: what that has returned is
        /// only good until its next call.
        case output
        /// Made of zeros. Only given back while there is nothing else in it, which changes nothing, whatever it is for.
        case table
    }

    struct Block {
        let start: UnsafeMutableRawPointer
        let size: Int
        let purpose: Purpose
    }

    private(set) var blocks: [Block] = []
    private var isMakingSession = false

    private static let pageBytes = sysconf(CInt(_SC_PAGESIZE))
    /// Pages are as large or larger, in powers of two.
    private static let smallestPage = 4096
    /// A buffer for frames has room for a payload of 16 KiB (RFC 9113 §4.2).
    private static let outputBytes = 16 * 1024

    /// - Parameter user: What the library's callbacks get.
    /// - Returns: Nil if there is no memory.
    func makeSession(callbacks: OpaquePointer, options: OpaquePointer?, for user: UnsafeMutableRawPointer?) -> OpaquePointer? {
        var functions = Self.functions(of: self)
        var session: OpaquePointer?
        self.isMakingSession = true
        defer { self.isMakingSession = false }
        return nghttp2_session_server_new3(&session, callbacks, user, options, &functions) == 0 ? session : nil
    }

    /// Gives back what is not needed while the connection is idle and the library has nothing to send.
    func giveBack() {
        for block in self.blocks where block.purpose == .output || Self.isZero(block) { madvise(block.start, block.size, CInt(MADV_DONTNEED)) }
    }

    private static func isZero(_ block: Block) -> Bool {
        UnsafeRawBufferPointer(start: block.start, count: block.size).bindMemory(to: UInt64.self).allSatisfy { $0 == 0 }
    }

    private func makeBlock(_ size: Int, _ purpose: Purpose) -> UnsafeMutableRawPointer? {
        let rounded = (size + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
        guard let start = aligned_alloc(Self.pageBytes, rounded) else { return nil }
        if case .table = purpose { start.initializeMemory(as: UInt8.self, repeating: 0, count: rounded) }
        self.blocks.append(Block(start: start, size: rounded, purpose: purpose))
        return start
    }

    /// The library frees this block, or has it made larger.
    private func forget(_ pointer: UnsafeMutableRawPointer) {
        self.blocks.removeAll { $0.start == pointer }
    }

    // MARK: What the library calls

    // Nearly all that it asks for is small, and asked for with every request, so that is told apart first.

    private static func functions(of memory: HTTP2SessionMemory) -> nghttp2_mem {
        nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(memory).toOpaque(),
            malloc: { size, user in
                size < HTTP2SessionMemory.outputBytes ? malloc(size) : HTTP2SessionMemory.of(user).makeLarge(size)
            },
            free: { pointer, user in
                if HTTP2SessionMemory.mayBeBlock(pointer), let pointer { HTTP2SessionMemory.of(user).forget(pointer) }
                free(pointer)
            },
            calloc: { count, size, user in
                let (total, isTooLarge) = count.multipliedReportingOverflow(by: size)
                guard !isTooLarge, total >= HTTP2SessionMemory.smallestPage else { return calloc(count, size) }
                let memory = HTTP2SessionMemory.of(user)
                return memory.isMakingSession && total >= HTTP2SessionMemory.pageBytes ? memory.makeBlock(total, .table) : calloc(count, size)
            },
            realloc: { pointer, size, user in
                if pointer == nil { return size < HTTP2SessionMemory.outputBytes ? malloc(size) : HTTP2SessionMemory.of(user).makeLarge(size) }
                if HTTP2SessionMemory.mayBeBlock(pointer), let pointer { HTTP2SessionMemory.of(user).forget(pointer) }
                return realloc(pointer, size)
            })
    }

    private func makeLarge(_ size: Int) -> UnsafeMutableRawPointer? {
        self.isMakingSession ? self.makeBlock(size, .output) : malloc(size)
    }

    @inline(__always)
    private static func mayBeBlock(_ pointer: UnsafeMutableRawPointer?) -> Bool { Int(bitPattern: pointer) % Self.smallestPage == 0 }

    @inline(__always)
    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2SessionMemory {
        guard let user else { preconditionFailure("libnghttp2 passes on what it was given with its memory's functions") }
        return Unmanaged<HTTP2SessionMemory>.fromOpaque(user).takeUnretainedValue()
    }
}
