/// The dimensions of a metric in the order and spelling of the Prometheus text format.
struct MetricLabels: Hashable, Comparable, Sendable {
    /// `{cluster="plane.test",result="scheduled"}` without the braces; empty if there are none.
    let text: String

    init(_ dimensions: [(String, String)]) {
        self.text = dimensions.map { "\(MetricName.label($0.0))=\"\(Self.escaped($0.1))\"" }.sorted().joined(separator: ",")
    }

    static func < (left: MetricLabels, right: MetricLabels) -> Bool { left.text < right.text }

    /// With braces, and one more label where a histogram needs it.
    func braced(adding extra: String? = nil) -> String {
        let all = [self.text, extra ?? ""].filter { !$0.isEmpty }.joined(separator: ",")
        return all.isEmpty ? "" : "{\(all)}"
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
