/// How far an image on its way here is, added up over its layers.
struct PullTally: Hashable {
    private var layers: [String: PullStep.State] = [:]

    mutating func apply(_ step: PullStep) { self.layers[step.layer] = step.state }

    /// `3 of 7 layers, 12.5 of 80.0 MB of those under way`. The registry tells a layer's size only when its turn comes.
    var text: String {
        let done = self.layers.values.count { $0 == .done }
        var text = "\(done) of \(self.layers.count) layers"
        var (fetched, total) = (0.0, 0.0)
        for case .fetching(let done, let all) in self.layers.values {
            fetched += Double(done)
            total += Double(all)
        }
        if total > 0 { text += ", \(Self.megabytes(fetched)) of \(Self.megabytes(total)) MB of those under way" }
        return text
    }

    private static func megabytes(_ bytes: Double) -> String {
        let tenths = Int((bytes / 100_000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
