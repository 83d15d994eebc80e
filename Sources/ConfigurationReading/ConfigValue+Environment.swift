extension ConfigValue {
    /// Variables with our prefix that are not configuration: the operator's command line, the tests and scripts/up read them.
    private static let foreignVariables = ["PLANE_NATS_URL", "PLANE_TEST_", "PLANE_UP_"]
    private static let prefix = "PLANE_"
    private static let separator = "__"

    /// Applies the variables `PLANE_A__B` to the table: each replaces or adds the key `a.b`. An empty one has no effect, because docker-compose makes one of
    /// `${A_B:-}` if `A_B` is not set.
    func overlaid(with environment: [String: String]) -> ConfigValue {
        // Sorted, so that `PLANE_A` and `PLANE_A__B`, which contradict each other, always have the same result.
        environment.sorted { $0.key < $1.key }.reduce(self) { tree, variable in
            guard !variable.value.isEmpty, let path = Self.path(ofVariable: variable.key) else { return tree }
            return tree.replacing(path[...], with: .variable(name: variable.key, text: variable.value))
        }
    }

    /// The variables that are empty, by the path of the key that each would set.
    static func emptyVariables(of environment: [String: String]) -> [[String]: String] {
        environment.filter { $0.value.isEmpty }.sorted { $0.key < $1.key }.reduce(into: [:]) { variables, variable in
            if let path = self.path(ofVariable: variable.key) { variables[path] = variable.key }
        }
    }

    /// The key of a variable, as in `PLANE_NATS__HOSTS` → `nats.hosts`; nil for one that names no key.
    private static func path(ofVariable name: String) -> [String]? {
        guard name.hasPrefix(self.prefix), !self.foreignVariables.contains(where: name.hasPrefix) else { return nil }
        var path = [""]
        var rest = name.dropFirst(self.prefix.count).lowercased()[...]
        while let first = rest.first {
            if rest.hasPrefix(self.separator) {
                path.append("")
                rest = rest.dropFirst(self.separator.count)
            } else {
                path[path.count - 1].append(first)
                rest = rest.dropFirst()
            }
        }
        return path.allSatisfy { !$0.isEmpty } ? path : nil
    }

    /// The variable of a key, as in `nats.hosts` → `PLANE_NATS__HOSTS`.
    static func variable(settingKey path: [String]) -> String {
        self.prefix + path.joined(separator: self.separator).uppercased()
    }

    private func replacing(_ path: ArraySlice<String>, with value: ConfigValue) -> ConfigValue {
        guard let key = path.first else { return value }
        var members = self.members ?? [:]
        members[key] = (members[key] ?? .table([:])).replacing(path.dropFirst(), with: value)
        return .table(members)
    }
}
