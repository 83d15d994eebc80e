/// Reads keys from a tree, and records for each its description, its value, and every mistake, so that all mistakes can be reported together.
///
/// A configuration reads *all* its keys before it gives up: its initializer returns nil only after the last one. Reading also declares the keys: with the
/// purpose `.describing` every table counts as present and nothing as missing, so all keys are listed.
package struct ConfigReader: ~Copyable {
    package enum Purpose: Hashable, Sendable {
        case loading
        case describing
    }

    package let purpose: Purpose
    package private(set) var mistakes: [ConfigMistake] = []
    package private(set) var warnings: [ConfigWarning] = []
    package private(set) var entries: [ConfigEntry] = []
    /// The tables that may exist.
    package private(set) var tables: [[String]] = []
    private let root: ConfigValue
    private let context: ConfigContext
    private var path: [String] = []
    /// Tables that this service reads but does not use; it may not be able to read their secrets.
    private var foreignTables: [[String]] = []

    package init(_ root: ConfigValue, purpose: Purpose = .loading, context: ConfigContext = ConfigContext()) {
        self.root = root
        self.context = context
        self.purpose = purpose
    }

    // MARK: Keys

    /// Reads a key with a default, which is the current value of the property.
    package mutating func read<Value>(_ key: String, _ type: ConfigType<Value>, into property: inout Value, _ summary: String) {
        if let value = self.value(of: key, type) { property = value }
        self.note(key, type, .defaulted, value: property, summary)
    }

    /// Reads a key that may be missing.
    package mutating func optional<Value>(_ key: String, _ type: ConfigType<Value>, _ summary: String) -> Value? {
        let value = self.value(of: key, type)
        self.note(key, type, .optional, value: value, summary)
        return value
    }

    /// Reads a key that has to be there; nil only after a mistake was recorded, or while describing.
    package mutating func required<Value>(_ key: String, _ type: ConfigType<Value>, _ summary: String) -> Value? {
        let value = self.value(of: key, type)
        self.note(key, type, .required, value: value, summary)
        if self.node(key) == nil { self.missing(key, expectation: type.fullExpectation) }
        return value
    }

    /// Warns of a key that only older software used.
    package mutating func unused(_ key: String, reason: String) {
        guard self.node(key) != nil else { return }
        self.entries.append(
            ConfigEntry(
                path: self.path + [key], expectation: "anything", presence: .optional, summary: "No effect: \(reason)", isSecret: true, value: nil))
        self.warnings.append(.unusedKey(self.name(key), reason: reason))
    }

    /// Warns that a valid value is probably not what was meant.
    package mutating func warn(_ key: String, reason: String) {
        guard self.purpose == .loading else { return }
        self.warnings.append(.questionableKey(self.name(key), reason: reason))
    }

    /// Warns of a table whose keys are read but have no effect.
    package mutating func unserved(_ key: String, reason: String) {
        if self.node(key) != nil { self.warnings.append(.unusedKey(self.name(key), reason: reason)) }
    }

    // MARK: Tables

    /// Reads a table that may be missing; nil if it is, or if it has mistakes.
    package mutating func table<Value>(_ key: String, _ read: (inout ConfigReader) -> Value?) -> Value? {
        guard self.isTable(key) || self.purpose == .describing else {
            if let value = self.node(key) { self.mistake(key, value, found: value.excerpt, expectation: "a table") }
            return nil
        }
        return self.enter(key, read)
    }

    /// Reads a table in which all keys have defaults, even if it is missing.
    package mutating func section<Value>(_ key: String, _ read: (inout ConfigReader) -> Value?) -> Value? {
        guard self.has(key) else { return self.enter(key, read) }
        return self.table(key, read)
    }

    /// Tables of which there may be any number (`[[key]]`), in their order; without those that have mistakes. Each has a number, from 1, which is a part
    /// of its keys' paths.
    package mutating func list<Value>(_ key: String, _ read: (inout ConfigReader) -> Value?) -> [Value] {
        guard let node = self.node(key) else {
            guard self.purpose == .describing else { return [] }
            return self.enter(key) { $0.enter("1", read) }.map { [$0] } ?? []
        }
        if case .array(let elements) = node, elements.isEmpty { return [] }
        let numbers = (node.members ?? [:]).keys.compactMap { Int($0) }.sorted()
        guard let members = node.members, numbers.count == members.count else {
            self.mistake(key, node, found: Self.found(insteadOfTables: node), expectation: "a list of tables, each under [[\(self.name(key))]]")
            return []
        }
        var values: [Value] = []
        for number in numbers {
            if let value = self.enter(key, { $0.table(String(number), read) }) { values.append(value) }
        }
        return values
    }

    private static func found(insteadOfTables node: ConfigValue) -> String {
        guard case .array(let elements) = node, let index = elements.firstIndex(where: { !$0.isTable }) else { return node.excerpt }
        return ConfigFault(elements[index], element: index).found
    }

    /// Notes a mistake if the table is missing from the file.
    package mutating func demandTable(_ key: String, for purpose: String) {
        guard self.node(key) == nil else { return }
        self.missing(key, expectation: "a table, which \(purpose) needs")
    }

    /// Whether the key contains a table, where something else is allowed, too.
    package func isTable(_ key: String) -> Bool {
        guard case .table = self.node(key) else { return false }
        return true
    }

    /// Whether the key is there.
    package func has(_ key: String) -> Bool { self.node(key) != nil }

    /// Records that something is missing. If an empty environment variable would set it, that is named, since somebody may take it for a value.
    package mutating func missing(_ key: String, expectation: String) {
        let path = self.path + [key]
        let variable = self.context.emptyVariables.filter { $0.key.starts(with: path) }.map(\.value).min()
        self.mistake(key, found: variable.map { "nothing (the variable \($0) is empty)" } ?? "nothing", expectation: expectation)
    }

    /// Records that a value can be read, but does not fit others.
    package mutating func mistake(_ key: String, found: String, expectation: String) {
        guard self.purpose == .loading else { return }
        self.mistakes.append(ConfigMistake(place: .key(self.name(key)), found: found, expectation: expectation))
    }

    /// Records that an element of a list, or a value in a table, can be read as what it is, but means nothing.
    package mutating func mistake(_ key: String, _ fault: ConfigFault, expectation: String) {
        self.mistake(key, found: fault.found, expectation: expectation)
    }

    /// Says that the secrets in these tables belong to other services. Called before the tables are read.
    package mutating func removeSecrets(of tables: String...) {
        self.foreignTables += tables.map { $0.split(separator: ".").map(String.init) }
    }

    // MARK: The end

    /// Warns of everything in the tree that is neither a key that was read nor one that could have been.
    package mutating func warnOfUnknownKeys(description: borrowing ConfigReader) {
        let keys = self.entries.map(\.path) + description.entries.map(\.path)
        let tables = self.tables + description.tables
        let nearest = NearestKey(known: keys + tables)
        let empty = self.context.emptyVariables.keys.filter { path in
            !tables.contains(path) && !keys.contains { path.starts(with: $0) }
        }
        let unknown =
            Self.unknownPaths(in: self.root, at: [], keys: Set(keys), tables: Set(tables))
            + empty.sorted { $0.joined(separator: ".") < $1.joined(separator: ".") }
        self.warnings += unknown.map { path in
            let meant = keys.first { $0.count > 1 && $0.joined(separator: "_") == path.joined(separator: "_") } ?? nearest(to: path)
            guard let variable = self.variable(at: path) else { return .unknownKey(path.joined(separator: "."), nearest: meant?.joined(separator: ".")) }
            return .unknownVariable(variable, nearest: meant.map { ConfigValue.variable(settingKey: $0) })
        }
    }

    /// The variable that sets this path, or the one that would.
    private func variable(at path: [String]) -> String? {
        var node = self.root as ConfigValue?
        for key in path {
            guard let members = node?.members else { return self.context.emptyVariables[path] }
            node = members[key]
        }
        if case .variable(let name, _)? = node { return name }
        return self.context.emptyVariables[path]
    }

    private static func unknownPaths(
        in value: ConfigValue, at path: [String], keys: Set<[String]>, tables: Set<[String]>
    ) -> [[String]] {
        guard path.isEmpty || tables.contains(path), let members = value.members else {
            return keys.contains(path) || tables.contains(path) ? [] : [path]
        }
        return members.sorted { $0.key < $1.key }.flatMap {
            self.unknownPaths(in: $0.value, at: path + [$0.key], keys: keys, tables: tables)
        }
    }

    private mutating func enter<Value>(_ key: String, _ read: (inout ConfigReader) -> Value?) -> Value? {
        self.path.append(key)
        self.tables.append(self.path)
        defer { self.path.removeLast() }
        return read(&self)
    }

    // MARK: One value

    private func name(_ key: String) -> String { (self.path + [key]).joined(separator: ".") }

    private func node(_ key: String) -> ConfigValue? {
        (self.path + [key]).reduce(self.root as ConfigValue?) { node, key in
            node?.members?[key]
        }
    }

    private mutating func value<Value>(of key: String, _ type: ConfigType<Value>) -> Value? {
        guard var node = self.node(key) else { return nil }
        if case .table(let members) = node, type.elsewhere != .nowhere {
            switch self.context.resolve(members, type.elsewhere) {
            case .success(let value): node = value
            case .failure where self.foreignTables.contains { self.path.starts(with: $0) }: node = ConfigContext.placeholder
            case .failure(let failure):
                self.mistake(key, found: failure.found, expectation: type.fullExpectation)
                return nil
            }
        }
        if let value = type.read(node) { return value }
        let advice = type.advice(node).map { " (\($0))" } ?? ""
        self.mistake(key, node, found: type.found(in: node), expectation: type.fullExpectation + advice)
        return nil
    }

    private mutating func mistake(_ key: String, _ value: ConfigValue, found: String, expectation: String) {
        var place = ConfigMistake.Place.key(self.name(key))
        if case .variable(let variable, _) = value { place = .variable(variable, key: self.name(key)) }
        self.mistakes.append(ConfigMistake(place: place, found: found, expectation: expectation))
    }

    private mutating func note<Value>(
        _ key: String, _ type: ConfigType<Value>, _ presence: ConfigEntry.Presence, value: Value?, _ summary: String
    ) {
        self.entries.append(
            ConfigEntry(
                path: self.path + [key], expectation: type.fullExpectation, presence: presence, summary: summary, isSecret: type.isSecret,
                value: value.map(type.show)))
    }
}

/// A value that can be read from a table of a configuration.
package protocol ConfigReadable: Sendable {
    /// Reads all keys. Nil after a mistake that leaves no usable value, or while describing.
    init?(_ reader: inout ConfigReader)
}
