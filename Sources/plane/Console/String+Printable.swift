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
