import Foundation

/// A directory of one test's own, gone with this object.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "plane-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    package func file(_ name: String) -> String { "\(self.path)/\(name)" }

    deinit {
        // What cannot be removed lies in the temporary directory and does no harm.
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
