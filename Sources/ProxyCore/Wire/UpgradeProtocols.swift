/// The protocols to which a request asks to switch (RFC 9110 §7.8).
struct UpgradeProtocols: Equatable {
    /// The values of the `Upgrade` fields, with a comma behind each.
    private var list: [UInt8] = []

    init(_ fields: [FieldTable.Field], _ bytes: Span<UInt8>) {
        for field in fields where field.kind == .upgrade {
            for index in field.value { self.list.append(bytes[index]) }
            self.list.append(UInt8(ascii: ","))
        }
    }

    /// Whether all protocols in this value of `Upgrade` are among those asked for, and there is at least one.
    func contain(_ bytes: Span<UInt8>, _ value: Range<Int>) -> Bool {
        var isContained = true
        var count = 0
        bytes.forEachListElement(in: value) { chosen in
            count += 1
            if !self.contains(bytes, chosen) { isContained = false }
        }
        return isContained && count > 0
    }

    private func contains(_ bytes: Span<UInt8>, _ chosen: Range<Int>) -> Bool {
        let asked = self.list.span
        var isContained = false
        asked.forEachListElement(in: 0..<asked.count) { element in
            guard element.count == chosen.count else { return }
            for offset in 0..<chosen.count
            where asked[element.lowerBound + offset].lowercased != bytes[chosen.lowerBound + offset].lowercased {
                return
            }
            isContained = true
        }
        return isContained
    }
}
