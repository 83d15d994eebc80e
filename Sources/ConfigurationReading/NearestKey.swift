/// Finds the key that was probably meant by an unknown one.
package struct NearestKey {
    /// All existing keys and tables.
    let known: [[String]]

    /// Nil if nothing is similar. Keys of the same table are preferred, since people mistype a name more often than they choose a wrong table.
    func callAsFunction(to path: [String]) -> [String]? {
        self.sibling(of: path, within: 1) ?? self.below(path) ?? self.sibling(of: path, within: max(1, (path.last ?? "").count / 3)) ?? self.elsewhere(path)
    }

    private func sibling(of path: [String], within limit: Int) -> [String]? {
        guard let name = path.last else { return nil }
        let nearest = self.known.filter { $0.count == path.count && $0.dropLast() == path.dropLast() }
            .compactMap { known in known.last.map { (known, Self.siblingDistance(from: name, to: $0)) } }.min { $0.1 < $1.1 }
        guard let nearest, nearest.1 <= limit else { return nil }
        return nearest.0
    }

    /// A key with exactly this name in a table inside of the one in which it was written.
    private func below(_ path: [String]) -> [String]? {
        guard path.count > 1 else { return nil }
        return self.known.first { $0.last == path.last && $0.starts(with: path.dropLast()) }
    }

    /// A name that is the other one with a word before or behind it, as `port` and `http_port`, counts as one typing mistake.
    private static func siblingDistance(from written: String, to known: String) -> Int {
        let (short, long) = written.count < known.count ? (written, known) : (known, written)
        if long.hasSuffix("_\(short)") || long.hasPrefix("\(short)_") { return 1 }
        return self.editDistance(Array(written.utf8), Array(known.utf8))
    }

    private func elsewhere(_ path: [String]) -> [String]? {
        let written = path.joined(separator: ".")
        let nearest = self.known.map { ($0, Self.distance(from: path, to: $0)) }.min { $0.1 < $1.1 }
        guard let nearest, nearest.1 <= max(2, written.count / 3) else { return nil }
        return nearest.0
    }

    /// A key with the right name in a wrong table counts as one typing mistake.
    private static func distance(from written: [String], to known: [String]) -> Int {
        if written.last == known.last { return 1 }
        return self.editDistance(Array(written.joined(separator: ".").utf8), Array(known.joined(separator: ".").utf8))
    }

    /// How many bytes must be inserted, removed or replaced to turn one text into the other (Levenshtein).
    package static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
