/// What an application says about a visitor, in the form of the header `x-verified-user-data` that the backend gets.
package enum VisitorData {
    /// Compact JSON with sorted keys, in ASCII: other characters are `\u` escapes, so that no proxy drops the header.
    package static func header(of auth: some JSONEncodable) -> String {
        let text = String(decoding: WireCodec.encode(auth), as: UTF8.self)
        guard !text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x7F }) else { return text }
        var ascii = ""
        ascii.reserveCapacity(text.utf8.count * 2)
        for unit in text.utf16 {
            if let scalar = Unicode.Scalar(unit), scalar.isASCII, unit != 0x7F {
                ascii.unicodeScalars.append(scalar)
            } else {
                let digits = String(unit, radix: 16)
                ascii += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return ascii
    }
}
