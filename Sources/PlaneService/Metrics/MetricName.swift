/// Makes names that Prometheus accepts: letters, digits and `_` (in metric names also `:`), no digit first. Any other character becomes `_`.
enum MetricName {
    static func metric(_ name: String) -> String { self.clean(name, alsoAllowed: ":") }
    static func label(_ name: String) -> String { self.clean(name, alsoAllowed: nil) }

    private static func clean(_ name: String, alsoAllowed: Unicode.Scalar?) -> String {
        let scalars = name.unicodeScalars.map { scalar -> Unicode.Scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": scalar
            case _ where scalar == alsoAllowed: scalar
            default: "_"
            }
        }
        let text = String(String.UnicodeScalarView(scalars))
        return text.first.map { $0.isNumber } ?? true ? "_\(text)" : text
    }
}
