import Dispatch
import Glibc
import GRDB

/// Notices that some process has written to the drone's database. Writes are appended to the file `-wal`, and the kernel tells of that (inotify(7)), so nobody
/// has to look again and again. It goes on as long as this object exists.
package final class StoreWrites: Sendable {
    /// Dispatch allows all calls from any thread.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// - Parameter written: called on a thread of Dispatch, once for all writes since the last call. It must return at once.
    /// - Returns: nil where the kernel does not tell: by default a user may have 128 such objects, and some file systems do not support it.
    init?(toFile path: String, _ written: @escaping @Sendable () -> Void) {
        let descriptor = inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK))
        guard descriptor >= 0 else { return nil }
        guard inotify_add_watch(descriptor, path, UInt32(IN_MODIFY)) >= 0 else {
            close(descriptor)
            return nil
        }
        self.source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: "drone-store.writes"))
        self.source.setEventHandler {
            // What happened is known: there is one file, and one kind of event.
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
                while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
            }
            written()
        }
        self.source.setCancelHandler { close(descriptor) }
        self.source.activate()
    }

    deinit { self.source.cancel() }
}

extension DroneStore {
    /// Calls `written` after this or another process has written to the file, until the result is released. Activity of proxies counts, too, and a few writes
    /// of SQLite itself.
    package func watchWrites(_ written: @escaping @Sendable () -> Void) -> StoreWrites? {
        // SQLite puts the file beside the one that a link leads to.
        guard let real = realpath(self.writer.path, nil) else { return nil }
        defer { free(real) }
        return StoreWrites(toFile: String(cString: real) + "-wal", written)
    }
}
