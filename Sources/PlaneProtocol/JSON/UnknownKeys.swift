/// Collects keys of a message that mean nothing to its reader. The answer names them, since they may be misspelt.
package struct UnknownKeys: Sendable {
    /// How many keys are named at most, and how many characters of each: enough to find a mistake.
    private static let (mostKeys, longestKey) = (16, 80)

    /// In the order in which they were looked at, with the keys they are inside of: `executable.resource_limits.memory`.
    package private(set) var found: [String] = []

    package init() {}

    /// - Parameters:
    ///   - json: an object; anything else has no keys.
    ///   - place: the keys it is inside of, each with a dot behind it.
    package mutating func look(in json: JSONNode?, at place: String = "", besides known: Set<String>) {
        guard let json, let members = try? json.members() else { return }
        for (key, _) in members where !known.contains(key) {
            guard self.found.count < Self.mostKeys else { return }
            self.found.append(place + MessageError.visible(key, atMost: Self.longestKey))
        }
    }
}
