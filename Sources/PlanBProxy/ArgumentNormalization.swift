/// Turns command lines in the style of Go's programs into the style of our argument parser.
package enum ArgumentNormalization {
    /// Accepts `-listen=x` for `--listen=x`, and a value for a switch: `--backend-cache=true`.
    ///
    /// - Parameters:
    ///   - names: the options with a value, without hyphens.
    ///   - switches: the options without one.
    package static func normalize(_ arguments: [String], names: Set<String>, switches: Set<String>) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-", argument != "--" else {
                result.append(argument)
                continue
            }
            let body = argument.drop { $0 == "-" }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if switches.contains(parts[0]) {
                switch parts.count == 2 ? parts[1] : "true" {
                case "true", "TRUE", "True", "t", "T", "1": result.append("--\(parts[0])")
                case "false", "FALSE", "False", "f", "F", "0": break
                default: result.append(argument)
                }
            } else if names.contains(parts[0]) {
                result.append("--\(body)")
                // The next argument is the value, whatever it looks like.
                if parts.count == 1, let value = rest.popFirst() { result.append(value) }
            } else {
                result.append(argument)
            }
        }
        return result
    }
}
