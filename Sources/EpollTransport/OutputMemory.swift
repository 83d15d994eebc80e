@_spi(CustomByteBufferAllocator) import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The memory of the buffer in which a channel's handlers gather what they send. While nothing is being sent, it is given back to the system.
///
/// NIOSSL's handler makes such a buffer when it is added, with room for one record of TLS, makes it larger when more is sent at once, and keeps it as long as
/// the connection is open. Between two flushes there is nothing in it that anybody needs. So it is put on pages of its own. A page that was given back takes
/// no memory until somebody writes to it, and reads as zeros until then.
///
/// Sendable because its properties are behind the lock of `owners`.
final class OutputMemory: @unchecked Sendable {
    /// Where the buffer is; 0 if there is none on pages of its own.
    private var address: UInt = 0
    private var size = 0

    /// What NIOSSL's buffer has room for at first. Its buffer for what is received is made with room for two records.
    private static let sizes = 16 * 1024..<32 * 1024
    private static let pageBytes = sysconf(CInt(_SC_PAGESIZE))
    /// Pages are as large or larger, in powers of two.
    private static let smallestPage: UInt = 4096

    /// Whose memory is at each address. Looked at when a buffer is made larger or freed that begins at a page, which other buffers hardly ever do.
    private static let owners = Mutex<[UInt: Unmanaged<OutputMemory>]>([:])

    /// Where a thread keeps whose handlers are being added.
    private static let adding: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "a program has a few keys for data of its threads")
        return key
    }()

    deinit {
        let address = self.address
        if address != 0 { Self.owners.withLock { $0[address] = nil } }
    }

    /// Handlers that are added by `body`, on this thread, and make a buffer for output at once, get this memory for it.
    func provide<Result>(to body: () throws -> Result) rethrows -> Result {
        pthread_setspecific(Self.adding, Unmanaged.passUnretained(self).toOpaque())
        defer { pthread_setspecific(Self.adding, nil) }
        return try body()
    }

    /// How many bytes the buffer has room for; 0 if no handler has made one.
    var byteCount: Int { Self.owners.withLock { _ in self.size } }

    /// How many of them take memory now (mincore(2)).
    var residentBytes: Int {
        Self.owners.withLock { _ in
            var pages = [UInt8](repeating: 0, count: self.size / Self.pageBytes)
            guard mincore(UnsafeMutableRawPointer(bitPattern: self.address), self.size, &pages) == 0 else { return 0 }
            return pages.count(where: { $0 & 1 == 1 }) * Self.pageBytes
        }
    }

    /// Gives the memory back. Only while nothing that was written to the buffer waits to be sent.
    func giveBack() {
        Self.owners.withLock { _ in
            if self.address != 0 { _ = madvise(UnsafeMutableRawPointer(bitPattern: self.address), self.size, CInt(MADV_DONTNEED)) }
        }
    }

    // MARK: What buffers call

    static let allocator = ByteBufferAllocator(
        allocate: { size in OutputMemory.allocate(size) },
        reallocate: { old, oldSize, newSize in
            guard let old, OutputMemory.mayBeKnown(old) else { return realloc(old, newSize) }
            return OutputMemory.reallocate(old, oldSize, newSize)
        },
        deallocate: { old in
            if OutputMemory.mayBeKnown(old) { OutputMemory.forget(old) }
            free(old)
        },
        copy: { target, source, count in target.copyMemory(from: source, byteCount: count) })

    @inline(__always)
    private static func mayBeKnown(_ pointer: UnsafeMutableRawPointer) -> Bool { UInt(bitPattern: pointer) % Self.smallestPage == 0 }

    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard Self.sizes.contains(size), let adding = pthread_getspecific(Self.adding) else { return malloc(size) }
        let memory = Unmanaged<OutputMemory>.fromOpaque(adding).takeUnretainedValue()
        // There is one buffer for output in each channel.
        return memory.byteCount == 0 ? Self.allocate(size, for: memory) : malloc(size)
    }

    private static func allocate(_ size: Int, for memory: OutputMemory) -> UnsafeMutableRawPointer? {
        let rounded = (size + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes
        guard let new = aligned_alloc(Self.pageBytes, rounded) else { return nil }
        let address = UInt(bitPattern: new)
        Self.owners.withLock { owners in
            memory.address = address
            memory.size = rounded
            owners[address] = Unmanaged.passUnretained(memory)
        }
        return new
    }

    private static func reallocate(_ old: UnsafeMutableRawPointer, _ oldSize: Int, _ newSize: Int) -> UnsafeMutableRawPointer? {
        guard let memory = Self.forget(old) else { return realloc(old, newSize) }
        guard let new = Self.allocate(newSize, for: memory) else { return nil }
        new.copyMemory(from: old, byteCount: min(oldSize, newSize))
        free(old)
        return new
    }

    /// - Returns: Whose memory that was.
    @discardableResult
    private static func forget(_ old: UnsafeMutableRawPointer) -> OutputMemory? {
        let address = UInt(bitPattern: old)
        return Self.owners.withLock { owners in
            guard let memory = owners.removeValue(forKey: address)?.takeUnretainedValue() else { return nil }
            memory.address = 0
            memory.size = 0
            return memory
        }
    }
}
