/// The type of a key's value: how it is read, how it is shown, and what is expected.
package struct ConfigType<Value: Sendable>: Sendable {
    /// A text that follows "expected".
    package let expectation: String
    /// Whether the value is or contains a secret, which mistakes must not show. What the effective configuration shows is decided by `show`.
    package var isSecret = false
    /// Where the text may be stored instead of in the configuration itself.
    package var elsewhere: ConfigIndirection = .nowhere
    /// Advice about a value that cannot be read, if it shows what was meant.
    package var advice: @Sendable (ConfigValue) -> String? = { _ in nil }
    package let read: @Sendable (ConfigValue) -> Value?
    package let show: @Sendable (Value) -> ConfigValue

    package init(
        _ expectation: String, read: @escaping @Sendable (ConfigValue) -> Value?, show: @escaping @Sendable (Value) -> ConfigValue
    ) {
        self.expectation = expectation
        self.read = read
        self.show = show
    }

    var fullExpectation: String { self.expectation + self.elsewhere.expectation }

    /// A value with a text form, such as an address or an id.
    package static func text(
        _ expectation: String, _ read: @escaping @Sendable (String) -> Value?, show: @escaping @Sendable (Value) -> String
    ) -> ConfigType {
        ConfigType(expectation, read: { $0.asString.flatMap(read) }, show: { .string(show($0)) })
    }

    /// One of a few words.
    package static func choice() -> ConfigType where Value: RawRepresentable<String> & CaseIterable {
        let words = Value.allCases.map { TOMLText.quoted($0.rawValue) }.joined(separator: " or ")
        return .text(words, { Value(rawValue: $0) }, show: { $0.rawValue })
    }

    /// An array or, in an environment variable, a list with commas; it has at least one element.
    package static func list<Element>(of element: ConfigType<Element>) -> ConfigType where Value == [Element] {
        var type = ConfigType(
            "a list, each \(element.expectation)",
            read: { value in
                guard let values = value.asArray, !values.isEmpty else { return nil }
                let elements = values.compactMap(element.read)
                return elements.count == values.count ? elements : nil
            },
            show: { .array($0.map(element.show)) })
        type.isSecret = element.isSecret
        return type
    }
}
