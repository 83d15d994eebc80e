package import Logging
import LogKeys
import NIOCore
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Certificates in a folder: each `NAME.key` with `NAME.crt` beside it, which may contain a chain. NAME may begin with `*.`.
///
/// The folder is read every second, so changes apply to the next handshake. A pair that cannot be read is logged once, and does not affect others. While a
/// pair is being replaced, the previous one is served.
package final class CertificateFolder: CertificateFinder {
    /// Metadata of a file. They change when a new file is written.
    private struct Stamp: Hashable {
        var inode: UInt64
        var size: Int64
        var seconds: Int64
        var nanoseconds: Int64
    }

    private struct Entry {
        var stamps: [Stamp]
        /// Nil for a pair that cannot be served.
        var pair: ServedCertificate?
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var task: RepeatedTask?
    }

    /// Larger files, in bytes, are not read: they cannot be certificates.
    private static let sizeLimit = 1024 * 1024
    private static let nameLimit = 100_000

    private let path: String
    private let logger: Logger
    private let state = Mutex(State())

    package init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
        self.checkFiles()
    }

    /// Makes the source of certificates for a listener.
    package func source(preset: TLSPreset, offersHTTP2: Bool, defaultName: String?) throws -> NamedCertificates {
        try NamedCertificates(
            self, preset: preset, offersHTTP2: offersHTTP2, defaultName: defaultName,
            starting: { loop, interval in
                let task = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in self.checkFiles() }
                self.state.withLock { $0.task = task }
            }, stopping: { self.state.withLock { $0.task?.cancel() } })
    }

    func find(_ name: String, _ body: @escaping @Sendable (ServedCertificate?) -> Void) {
        let folded = name.lowercased()
        body(
            self.state.withLock { state in
                if let pair = state.entries[folded]?.pair { return pair }
                return CertificateName.wildcard(of: folded).flatMap { state.entries[$0]?.pair }
            })
    }

    /// The names whose certificates can be served.
    package var names: [String] { self.state.withLock { $0.entries.compactMap { $0.value.pair == nil ? nil : $0.key } }.sorted() }

    /// Reads the folder. Blocks for as long as the disk takes.
    func checkFiles() {
        let names = Self.names(in: self.path)
        let known = self.state.withLock { $0.entries }
        var changed: [String: Entry] = [:]
        for file in names {
            let (certificate, key) = ("\(self.path)/\(file).crt", "\(self.path)/\(file).key")
            let stamps = [Self.stamp(certificate), Self.stamp(key)].compactMap { $0 }
            let name = file.lowercased()
            if let entry = known[name], entry.stamps == stamps { continue }
            changed[name] = Entry(stamps: stamps, pair: self.load(file, certificate, key) ?? known[name]?.pair)
        }
        let present = Set(names.map { $0.lowercased() })
        self.state.withLock { state in
            for name in state.entries.keys where !present.contains(name) { state.entries[name] = nil }
            state.entries.merge(changed) { $1 }
        }
    }

    private func load(_ name: String, _ certificate: String, _ key: String) -> ServedCertificate? {
        do throws(ServedCertificate.Problem) {
            let pair = try ServedCertificate(certificate: try Self.read(certificate), key: try Self.read(key))
            self.logger.info("certificate loaded", metadata: [LogKey.certificate: "\(certificate)"])
            return pair
        } catch {
            self.logger.error("a certificate cannot be served", metadata: [LogKey.certificate: "\(certificate)", LogKey.error: "\(error)"])
            return nil
        }
    }

    private static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder), names.count < Self.nameLimit {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) { String(cString: $0) }
            }
            if name.hasSuffix(".key"), name.utf8.count > 4 { names.append(String(name.dropLast(4))) }
        }
        return names
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: Int64(status.st_mtim.tv_nsec))
    }

    private static func read(_ path: String) throws(ServedCertificate.Problem) -> [UInt8] {
        // Opens without blocking, since a pipe in the file's place would stop the reader for ever.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw ServedCertificate.Problem(description: "\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while contents.count <= Self.sizeLimit {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count == 0 { return contents }
            guard count > 0 else { throw ServedCertificate.Problem(description: "\(path) cannot be read: \(String(cString: strerror(errno)))") }
            contents += chunk[..<count]
        }
        throw ServedCertificate.Problem(description: "\(path) is larger than \(Self.sizeLimit) bytes")
    }
}
