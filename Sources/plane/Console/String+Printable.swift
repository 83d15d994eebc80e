extension String {
    /// Without what a terminal would obey. What containers print, drones say of themselves and requests ask for may hold anything.
    var printable: String {
        String(
            String.UnicodeScalarView(
                self.unicodeScalars.map { scalar in
                    scalar != "\t" && scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
                }))
    }
}
