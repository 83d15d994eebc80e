import ArgumentParser
import PlaneProtocol

extension PullPolicy: ExpressibleByArgument {
    /// Accepts `if-not-present`, `always` and `never`, and the spelling of the messages.
    package init?(argument: String) {
        let wanted = argument.lowercased().replacing("-", with: "")
        guard let policy = Self.allCases.first(where: { $0.rawValue.lowercased() == wanted }) else { return nil }
        self = policy
    }

    package var defaultValueDescription: String { self.argument }
    package static var allValueStrings: [String] { Self.allCases.map(\.argument) }
    package static var allValueDescriptions: [String: String] {
        [
            Self.ifNotPresent.argument: "when the drone does not have it", Self.always.argument: "before every start",
            Self.never.argument: "not at all; the drone must have it",
        ]
    }

    private var argument: String {
        switch self {
        case .ifNotPresent: "if-not-present"
        case .always: "always"
        case .never: "never"
        }
    }
}
