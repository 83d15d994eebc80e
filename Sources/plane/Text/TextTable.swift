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

    /// One line per row, without spaces at the end.
    func lines(_ console: Console) -> [String] {
        let widths = self.headings.indices.map { column in
            max(self.headings[column].count, self.rows.map { $0[column].text.count }.max() ?? 0)
        }
        return ([self.headings.map { Cell($0, .grey) }] + self.rows).map { row in
            zip(row, widths).enumerated().map { index, pair in
                let (cell, width) = pair
                let isLast = index == row.count - 1
                let padding = isLast ? "" : String(repeating: " ", count: width - cell.text.count)
                return console.coloured(cell.text, cell.colour) + padding
            }.joined(separator: "  ")
        }
    }
}
