import Foundation
import Glibc

/// Writes files so that a reader finds either the old or the new content, even after a crash.
enum AtomicFile {
    /// Writes a file beside the final place, and returns when the bytes are on the disk. `commit` then moves it there.
    static func stage(_ text: String, for path: String, mode: mode_t) throws(FileError) {
        let staged = self.stagedPath(of: path)
        // A process that was killed may have left a file, with other permissions.
        unlink(staged)
        let descriptor = open(staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FileError("write \(staged)", errno) }
        defer { close(descriptor) }
        // Sets the mode that the umask may have reduced.
        guard fchmod(descriptor, mode) == 0 else { throw FileError("set the mode of \(staged)", errno) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 || errno == EINTR else { throw FileError("write \(staged)", errno) }
            rest = rest.dropFirst(max(count, 0))
        }
        guard fsync(descriptor) == 0 else { throw FileError("write \(staged)", errno) }
    }

    static func commit(_ path: String) throws(FileError) {
        guard rename(self.stagedPath(of: path), path) == 0 else { throw FileError("replace \(path)", errno) }
        let directory = self.openDirectory(of: path)
        guard directory >= 0 else { return }
        // Errors are ignored: some file systems cannot sync directories.
        fsync(directory)
        close(directory)
    }

    /// Runs `body` while the file's directory is locked against other processes of this program. If the directory cannot be opened, `body` runs without the
    /// lock, and fails by itself because it cannot write there.
    static func withLockedDirectory<Result, Failure: Error>(of path: String, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        let directory = self.openDirectory(of: path)
        defer { if directory >= 0 { close(directory) } }
        while directory >= 0, flock(directory, LOCK_EX) != 0, errno == EINTR {}
        return try body()
    }

    private static func openDirectory(of path: String) -> CInt {
        open((path as NSString).deletingLastPathComponent.ifEmpty("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    static func discard(_ path: String) { unlink(self.stagedPath(of: path)) }

    static func stagedPath(of path: String) -> String { "\(path).new" }

    /// Nil if there is no such file.
    static func read(_ path: String) throws(FileError) -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        do {
            return try String(contentsOf: URL(filePath: path), encoding: .utf8)
        } catch {
            throw FileError("read \(path)", (error as NSError).underlyingCode ?? EIO)
        }
    }

    /// Whether the file's directory has the set-group-id bit, which means that a group is to read the files in it.
    static func isShared(_ path: String) -> Bool {
        let directory = (path as NSString).deletingLastPathComponent.ifEmpty(".")
        let mode = try? FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
        return (mode ?? 0) & Int(S_ISGID) != 0
    }

    /// The path that a symbolic link leads to, even if there is no file yet. The file is replaced there, and the link stays.
    static func resolved(_ path: String) -> String {
        var path = URL(filePath: path).resolvingSymlinksInPath().path
        // The kernel follows as many links in a row.
        for _ in 0..<40 {
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { break }
            path = target.hasPrefix("/") ? target : "\((path as NSString).deletingLastPathComponent)/\(target)"
        }
        return path
    }
}

/// A file that could not be read or written.
package struct FileError: Error, CustomStringConvertible, Sendable {
    let attempt: String
    let reason: String
    let hint: String?

    init(_ attempt: String, _ code: CInt) {
        self.attempt = attempt
        self.reason = String(cString: strerror(code))
        self.hint =
            switch code {
            case EACCES, EPERM: "may the user of this service write there? cert.key_path and cert.cert_path say where"
            case ENOENT: "does the directory exist?"
            case ENOSPC, EDQUOT: "the disk is full"
            default: nil
            }
    }

    package var description: String { "could not \(self.attempt): \(self.reason)" + (self.hint.map { " (\($0))" } ?? "") }
}

extension String {
    fileprivate func ifEmpty(_ other: String) -> String { self.isEmpty ? other : self }
}

extension NSError {
    fileprivate var underlyingCode: CInt? {
        let error = self.userInfo[NSUnderlyingErrorKey] as? NSError ?? self
        return error.domain == NSPOSIXErrorDomain ? CInt(truncatingIfNeeded: error.code) : nil
    }
}
