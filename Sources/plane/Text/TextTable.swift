/// Rows in columns as wide as their widest cell, with headings.
struct TextTable {
    struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
        var text: String
        var colour: Colour?

        init(_ text: String, _ colour: Colour? = nil) {
            self.text = text.printable
            self.colour = colour
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    var headings: [String]
    var rows: [[Cell]] = []
    /// Columns whose texts may be cut where the terminal is narrow, such as ids: their beginning is enough for every command.
    var elastic: Set<Int> = []

    /// No id is cut to less, so that it can still be told from others.
    private static let shortest = 9

    /// One line per row, without spaces at the end.
    ///
    /// - Parameter indent: Columns that the caller puts before each line.
    func lines(_ console: Console, indent: Int = 0) -> [String] {
        let widths = self.widths(fitting: console.width.map { $0 - indent })
        return ([self.headings.map { Cell($0, .grey) }] + self.rows).map { row in
            zip(row, widths).enumerated().map { index, pair in
                let (cell, width) = pair
                let text = cell.text.cut(to: width)
                let isLast = index == row.count - 1
                let padding = isLast ? "" : String(repeating: " ", count: width - text.count)
                return console.coloured(text, cell.colour) + padding
            }.joined(separator: "  ")
        }
    }

    /// The widest elastic column gives way first.
    private func widths(fitting limit: Int?) -> [Int] {
        var widths = self.headings.indices.map { column in
            max(self.headings[column].count, self.rows.map { $0[column].text.count }.max() ?? 0)
        }
        guard let limit else { return widths }
        while widths.reduce(2 * (widths.count - 1), +) > limit {
            let widest = self.elastic.filter { widths[$0] > max(Self.shortest, self.headings[$0].count) }.max { widths[$0] < widths[$1] }
            guard let widest else { break }
            widths[widest] -= 1
        }
        return widths
    }
}

extension String {
    /// At most so many characters, the last of which says that there are more.
    func cut(to width: Int) -> String {
        self.count <= width ? self : String(self.prefix(max(1, width) - 1)) + "…"
    }

    /// Lines of at most so many characters, broken between words; a word that is longer stays whole.
    func wrapped(to width: Int?) -> [String] {
        guard let width else { return [self] }
        var lines: [String] = []
        for word in self.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = "\(last) \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines.isEmpty ? [""] : lines
    }
}
