package import Foundation

/// The commands that a document of this repository shows in its code blocks.
package enum DocumentedCommands {
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Without the comments behind them; continued lines are joined.
    package static func commands(in document: String) throws -> [String] {
        let text = try String(contentsOf: self.root.appending(path: document), encoding: .utf8).replacing("\\\n", with: " ")
        let blocks = text.split(separator: "\n").filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
        let programs = #/^(?:plane|scripts\/|swift|apt-get|systemctl|journalctl|docker|python3|promtool|PLANE_)/#
        return blocks.filter { $0.firstMatch(of: programs) != nil }.map { line in
            String(line).split(separator: "  #", maxSplits: 1).first.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
        }
    }
}
