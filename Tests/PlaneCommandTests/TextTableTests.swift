import Testing

@testable import plane

@Suite("Tables")
struct TextTableTests {
    @Test("have columns as wide as their widest cell, and no spaces at the end")
    func columns() {
        var table = TextTable(headings: ["A", "LONG", "C"])
        table.rows = [["xxx", "1", ""], ["y", "2", "last"]]
        #expect(table.lines(.plain) == ["A    LONG  C", "xxx  1     ", "y    2     last"])
    }

    @Test("are coloured without disturbing the columns")
    func colours() {
        var table = TextTable(headings: ["A", "B"])
        table.rows = [[.init("Ready", .green), "x"]]
        let lines = table.lines(ConsoleRecorder().console(colours: true))
        #expect(lines[1] == "\u{1b}[32mReady\u{1b}[0m  x")
        #expect(table.lines(.plain)[1] == "Ready  x")
    }
}
