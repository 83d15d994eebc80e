import PlaneProtocol

/// What one examination came to.
struct Finding: JSONEncodable, Equatable {
    enum Level: String, JSONText, CaseIterable, Codable {
        case good, notice, bad
    }

    var level: Level
    /// What was looked at, in a word or two.
    var check: String
    /// What was found, in a sentence.
    var text: String
    /// What to do about it.
    var advice: String?

    init(_ level: Level, _ check: String, _ text: String, advice: String? = nil) {
        self.level = level
        self.check = check
        self.text = text
        self.advice = advice
    }

    func lines(_ console: Console) -> [String] {
        let (mark, colour): (String, Colour) =
            switch self.level {
            case .good: ("ok  ", .green)
            case .notice: ("note", .yellow)
            case .bad: ("bad ", .red)
            }
        let line = "\(console.coloured(mark, colour))  \(self.check.padded(to: 12))  \(self.text.printable)"
        return [line] + (self.advice.map { ["      \(String(repeating: " ", count: 12))  → \($0.printable)"] } ?? [])
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("level", self.level)
            $0.field("check", self.check)
            $0.field("text", self.text)
            $0.field("advice", self.advice)
        }
    }
}
