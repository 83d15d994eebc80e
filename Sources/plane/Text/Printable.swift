import PlaneProtocol

extension String {
    /// The text without characters that control a terminal. What containers print, drones report and requests contain may have any characters.
    var printable: String {
        String(
            String.UnicodeScalarView(
                self.unicodeScalars.map { scalar in
                    scalar != "\t" && scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
                }))
    }
}

extension String {
    /// The text filled up with spaces; unchanged if it is longer.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - self.count)) }
}

extension LockName {
    /// At most 40 characters of the text, without control characters.
    var printable: String {
        let visible = self.rawValue.unicodeScalars.prefix(40).map { scalar in
            scalar.properties.generalCategory == .control ? "\u{FFFD}" : Character(scalar)
        }
        return String(visible) + (self.rawValue.unicodeScalars.count > 40 ? "…" : "")
    }
}
