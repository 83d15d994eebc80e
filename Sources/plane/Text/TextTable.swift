/// A table with headings, whose columns are as wide as their widest cell.
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
    /// Columns with texts that may be cut on a narrow terminal, such as ids: every command accepts the beginning of an id.
    var elastic: Set<Int> = []

    /// The shortest length to which such texts are cut, so that ids can still be told apart.
    private static let shortest = 9

    /// One line for each row, without spaces at the end.
    ///
    /// - Parameter indent: how many columns the caller puts before each line.
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

    /// The widest elastic column is cut first.
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

extension Console {
    /// `heading` and the words behind it, divided by commas; what does not fit into the terminal goes on in the next line, below the first word.
    func list(_ heading: String, _ words: [TextTable.Cell]) -> [String] {
        let indent = String(repeating: " ", count: heading.count)
        var lines: [String] = []
        var (line, length) = (heading, heading.count)
        for (index, word) in words.enumerated() {
            let comma = index == words.count - 1 ? 0 : 1
            if index > 0, let width, length + 1 + word.text.count + comma > width {
                lines.append(line)
                (line, length) = (indent, indent.count)
            } else if index > 0 {
                line += " "
                length += 1
            }
            line += self.coloured(word.text, word.colour) + (comma == 1 ? "," : "")
            length += word.text.count + comma
        }
        return lines + [line]
    }
}

extension String {
    /// At most so many characters; the last one is an ellipsis if the text was cut.
    func cut(to width: Int) -> String {
        self.count <= width ? self : String(self.prefix(max(1, width) - 1)) + "…"
    }

    /// Lines with at most so many characters, broken between words. A longer word is not broken.
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
