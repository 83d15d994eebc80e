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
        let line = "\(console.coloured(mark, colour))  \(self.check.padded(to: 12))  \(self.text.printable)"
        return [line] + (self.advice.map { ["      \(String(repeating: " ", count: 12))  → \($0.printable)"] } ?? [])
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
