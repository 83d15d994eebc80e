/// The labels of a metric, in the order and spelling of the Prometheus text format.
struct MetricLabels: Hashable, Comparable, Sendable {
    /// As in `{cluster="plane.test",result="scheduled"}`, without the braces; empty if there are no labels.
    let text: String

    init(_ dimensions: [(String, String)]) {
        self.text = dimensions.map { "\(MetricName.label($0.0))=\"\(Self.escaped($0.1))\"" }.sorted().joined(separator: ",")
    }

    static func < (left: MetricLabels, right: MetricLabels) -> Bool { left.text < right.text }

    /// With braces, and with one more label for a histogram.
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
