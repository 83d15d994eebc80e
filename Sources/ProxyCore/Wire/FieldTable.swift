/// Where the header fields of one message lie in its bytes.
///
/// The table is scratch space: one per event loop, filled anew for each head, so that no request allocates one.
package struct FieldTable {
    package struct Field {
        package var kind: FieldKind
        package var name: Range<Int>
        /// The value without the blanks around it.
        package var value: Range<Int>
        /// The position behind the line end; the field's line is `name.lowerBound..<end`.
        package var end: Int

        /// Whether there is a tab beside the value. A tab is a blank (RFC 9110 §5.6.3), but widespread parsers take it for a part of some values.
        func hasTabs(_ bytes: Span<UInt8>) -> Bool {
            bytes.firstIndex(of: .tab, in: self.name.upperBound..<self.value.lowerBound) != nil
                || bytes.firstIndex(of: .tab, in: self.value.upperBound..<self.end) != nil
        }
    }

    private(set) var fields: [Field] = []

    /// How many names one `Connection` field may list. Real ones list two; each costs a walk through the table.
    private static let nominationLimit = 16

    /// Reads the field lines in `bytes[start..<end]`, each of which ends with CR LF; the blank line is not among them.
    ///
    /// Knows nothing of the meaning of the fields beyond their kind.
    mutating func read(
        _ bytes: Span<UInt8>, from start: Int, to end: Int, limits: borrowing ProxyLimits
    ) throws(HTTPViolation) {
        self.fields.removeAll(keepingCapacity: true)
        var position = start
        while position < end {
            guard self.fields.count < limits.fieldCount else { throw .tooManyFields }
            let nameStart = position
            if bytes[nameStart].isBlank { throw .foldedField }
            while bytes[position].isTokenCharacter { position &+= 1 }
            guard position > nameStart, bytes[position] == .colon else { throw .malformedFieldName }
            let name = nameStart..<position

            let valueStart = position + 1
            position = valueStart
            while bytes[position].isFieldValueCharacter { position &+= 1 }
            guard bytes[position] == .carriageReturn, bytes[position + 1] == .lineFeed else { throw .malformedFieldValue }

            let kind = FieldKind.classify(bytes, name)
            if kind == .misleading { throw .misleadingField }
            let value = bytes.trimmingBlanks(valueStart..<position)
            position += 2
            self.fields.append(Field(kind: kind, name: name, value: value, end: position))
        }
    }

    mutating func removeAll() {
        self.fields.removeAll(keepingCapacity: true)
    }

    /// Adds a field that was parsed elsewhere.
    @inline(__always)
    mutating func append(_ field: Field) {
        self.fields.append(field)
    }

    /// Applies a `Connection` field: marks the fields that it names as not to be forwarded, and returns the options in it that have a meaning of their own.
    ///
    /// Fields that decide about framing, routing or access cannot be removed in this way.
    mutating func applyConnection(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTPViolation) -> ConnectionOptions {
        var options: ConnectionOptions = []
        var nominations = 0
        var start = value.lowerBound
        while start < value.upperBound {
            let end = bytes.firstIndex(of: 0x2C, in: start..<value.upperBound) ?? value.upperBound
            let element = bytes.trimmingBlanks(start..<end)
            start = end + 1
            if element.isEmpty { continue }
            if bytes.equals(element, lowercase: "keep-alive") {
                options.insert(.keepAlive)
            } else if bytes.equals(element, lowercase: "close") {
                options.insert(.close)
            } else if bytes.equals(element, lowercase: "upgrade") {
                options.insert(.upgrade)
            } else {
                nominations += 1
                guard nominations <= Self.nominationLimit else { throw .tooManyFields }
                try self.nominate(bytes, element)
            }
        }
        return options
    }

    private mutating func nominate(_ bytes: Span<UInt8>, _ name: Range<Int>) throws(HTTPViolation) {
        for index in self.fields.indices where bytes.equalsIgnoringCase(self.fields[index].name, name) {
            switch self.fields[index].kind {
            case .other, .setCookie, .date, .trailer, .expect, .nominated: self.fields[index].kind = .nominated
            case .connection, .keepAlive, .proxyConnection, .te, .upgrade, .proxyAuthentication: break  // go anyway
            case .forwardedFor, .forwardedProto, .forwardedHost, .otherForwarded, .requestID: break  // ours to set or to drop
            case .contentLength, .transferEncoding, .host, .cookie, .authorization, .misleading:
                throw .protectedFieldNominated
            }
        }
    }
}

/// The options of a `Connection` field that have a meaning of their own.
struct ConnectionOptions: OptionSet {
    let rawValue: UInt8

    static let close = ConnectionOptions(rawValue: 1)
    static let keepAlive = ConnectionOptions(rawValue: 2)
    static let upgrade = ConnectionOptions(rawValue: 4)
}
