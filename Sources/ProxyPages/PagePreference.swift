package import ProxyCore

/// Whether the client would show the answer as a page: browsers say so in requests for documents (RFC 9110 §12.5.1), and in no others.
package enum PagePreference {
    package static func wantsPage(_ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Bool {
        for field in fields where field.name.count == 6 && bytes.equals(field.name, lowercase: "accept") {
            if self.names(field.value, bytes) { return true }
        }
        return false
    }

    private static func names(_ value: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        var isNamed = false
        bytes.forEachListElement(in: value) { element in
            let end = bytes.firstIndex(of: UInt8(ascii: ";"), in: element) ?? element.upperBound
            guard bytes.equals(bytes.trimmingBlanks(element.lowerBound..<end), lowercase: "text/html") else { return }
            if !self.isRefused(end..<element.upperBound, bytes) { isNamed = true }
        }
        return isNamed
    }

    /// Whether the parameters contain a weight of zero (RFC 9110 §12.4.2).
    private static func isRefused(_ parameters: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        var start = parameters.lowerBound
        while start < parameters.upperBound {
            let next = bytes.firstIndex(of: UInt8(ascii: ";"), in: (start + 1)..<parameters.upperBound) ?? parameters.upperBound
            let parameter = bytes.trimmingBlanks((start + 1)..<next)
            start = next
            guard parameter.count > 2, bytes[parameter.lowerBound].lowercased == UInt8(ascii: "q"),
                bytes[parameter.lowerBound + 1] == UInt8(ascii: "=")
            else { continue }
            return (parameter.lowerBound + 2..<parameter.upperBound).allSatisfy { bytes[$0] == UInt8(ascii: "0") || bytes[$0] == UInt8(ascii: ".") }
        }
        return false
    }
}
