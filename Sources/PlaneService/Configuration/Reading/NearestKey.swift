/// Finds the key that somebody may have meant who wrote another.
package struct NearestKey {
    /// Keys and tables that exist.
    let known: [[String]]

    /// nil if nothing is near.
    func callAsFunction(to path: [String]) -> [String]? {
        let written = path.joined(separator: ".")
        let nearest = self.known.map { ($0, Self.distance(from: path, to: $0)) }.min { $0.1 < $1.1 }
        guard let nearest, nearest.1 <= max(2, written.count / 3) else { return nil }
        return nearest.0
    }

    /// A key under its right name in a wrong table is as near as one typing mistake.
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
