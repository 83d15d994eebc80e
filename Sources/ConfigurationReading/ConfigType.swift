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
    /// Which part of a list or table cannot be read; nil where the value as a whole is none.
    package var fault: @Sendable (ConfigValue) -> ConfigFault? = { _ in nil }
    package var read: @Sendable (ConfigValue) -> Value?
    package let show: @Sendable (Value) -> ConfigValue

    package init(
        _ expectation: String, read: @escaping @Sendable (ConfigValue) -> Value?, show: @escaping @Sendable (Value) -> ConfigValue
    ) {
        self.expectation = expectation
        self.read = read
        self.show = show
    }

    var fullExpectation: String { self.expectation + self.elsewhere.expectation }

    /// A text that follows "found", for a value that cannot be read: the value, or the part of it that is to blame, without what may be secret.
    func found(in value: ConfigValue) -> String {
        if let fault = self.fault(value) { return fault.found }
        return self.isSecret && value != .array([]) ? "something else (not shown, it may be secret)" : value.excerpt
    }

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

    /// An array or, in an environment variable, a list with commas. A single text is a list with one element.
    /// - Parameters:
    ///   - expectation: `a list, each …` if nil.
    ///   - mayBeEmpty: Whether a list without elements means something.
    package static func list<Element>(
        of element: ConfigType<Element>, _ expectation: String? = nil, mayBeEmpty: Bool = false
    ) -> ConfigType where Value == [Element] {
        var type = ConfigType(
            expectation ?? "a list, each \(element.expectation)",
            read: { value in
                guard let values = value.asArray, mayBeEmpty || !values.isEmpty else { return nil }
                let elements = values.compactMap(element.read)
                return elements.count == values.count ? elements : nil
            },
            show: { .array($0.map(element.show)) })
        type.isSecret = element.isSecret
        type.fault = { value in
            if case .string = value { return nil }
            guard let values = value.asArray, let index = values.firstIndex(where: { element.read($0) == nil }) else { return nil }
            return ConfigFault(element.isSecret ? nil : values[index], element: index)
        }
        type.advice = { value in
            guard let values = value.asArray else { return nil }
            if values.isEmpty { return "at least one" }
            return values.first { element.read($0) == nil }.flatMap(element.advice)
        }
        return type
    }

    /// A table whose keys are chosen by the operator.
    package static func table<Element>(of element: ConfigType<Element>, _ expectation: String) -> ConfigType where Value == [String: Element] {
        @Sendable func unreadable(_ value: ConfigValue) -> (name: String, value: ConfigValue)? {
            guard case .table(let members) = value else { return nil }
            return members.filter { element.read($0.value) == nil }.min { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
        var type = ConfigType(
            expectation,
            read: { value in
                guard case .table(let members) = value, unreadable(value) == nil else { return nil }
                return members.compactMapValues(element.read)
            },
            show: { .table($0.mapValues(element.show)) })
        type.isSecret = element.isSecret
        type.fault = { value in
            unreadable(value).map { name, part in
                element.fault(part).map { ConfigFault($0, under: name) } ?? ConfigFault(element.isSecret ? nil : part, under: name)
            }
        }
        type.advice = { value in value.adviceToQuote ?? unreadable(value).flatMap { element.advice($0.value) } }
        return type
    }
}
