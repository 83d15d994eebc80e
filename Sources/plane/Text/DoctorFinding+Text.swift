import PlaneDoctor
package import PlaneProtocol

extension DoctorFinding {
    func lines(_ console: Console) -> [String] {
        let (mark, colour): (String, Colour) =
            switch self.level {
            case .good: ("ok  ", .green)
            case .notice: ("note", .yellow)
            case .bad: ("bad ", .red)
            }
        let indent = String(repeating: " ", count: 20)
        let width = console.width.map { max(40, min($0, 80) - indent.count) }
        let text = self.text.printable.wrapped(to: width)
        var lines = ["\(console.coloured(mark, colour))  \(self.check.padded(to: 12))  \(text[0])"] + text.dropFirst().map { indent + $0 }
        if let advice = self.advice?.printable.wrapped(to: width.map { $0 - 2 }) {
            lines += ["\(indent)→ \(advice[0])"] + advice.dropFirst().map { "\(indent)  \($0)" }
        }
        return lines
    }
}

extension DoctorFinding.Level: JSONText {}

extension DoctorFinding: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("level", self.level)
            $0.field("check", self.check)
            $0.field("text", self.text)
            $0.field("advice", self.advice)
        }
    }
}
