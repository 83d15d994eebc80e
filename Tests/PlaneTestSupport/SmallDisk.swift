import Foundation
import Glibc

/// A directory on a disk of its own, so small that it can be filled. Only root may have one.
package final class SmallDisk: Sendable {
    package static var isPossible: Bool { geteuid() == 0 }

    package let directory: TemporaryDirectory
    private var filler: String { self.directory.file("filler") }

    package init(megabytes: Int) async throws {
        self.directory = try TemporaryDirectory()
        try await TestProcess.run("/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "plane-test", self.directory.path])
    }

    /// Writes until there is no room left.
    package func fill() {
        let file = open(self.filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        let block = [UInt8](repeating: 0x41, count: 4096)
        while write(file, block, block.count) > 0 {}
    }

    /// Makes room again.
    package func free() { unlink(self.filler) }

    /// Takes it away; what is still open on it goes with its last user.
    package func remove() async throws { try await TestProcess.run("/bin/umount", ["-l", self.directory.path]) }
}
