import Foundation

/// This package's own files.
enum Repository {
    /// Three levels above this file's.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String { try String(contentsOf: self.root.appending(path: path), encoding: .utf8) }

    /// Files of a folder and the folders in it, by their paths from the root.
    static func files(in folder: String, suffix: String) throws -> [String] {
        let all = try FileManager.default.subpathsOfDirectory(atPath: self.root.appending(path: folder).path)
        return all.filter { $0.hasSuffix(suffix) }.map { "\(folder)/\($0)" }.sorted()
    }
}
