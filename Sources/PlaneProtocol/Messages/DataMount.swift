/// A directory on the drone that outlives the backend, below `agent.mount_base`. The container sees it as `/plane-data`. An addition to 0.3.24.
///
/// The request gives a name, never a path of the machine: it can only choose among directories made for this purpose. No container gets a directory that is
/// inside of another one's, or contains it, so a link that a container makes leads nowhere else.
package enum DataMount: Hashable, Sendable {
    /// The directory of a key, or of a lock with such a name.
    case key(namespace: String, name: String)
    /// A directory that several keys may share: names of letters, digits, `_`, `-` and inner `.`, with slashes between them.
    case path(String)

    /// The path in the container.
    package static let target = "/plane-data"
    /// The longest name of a directory on Linux (`NAME_MAX`).
    private static let longestName = 255

    /// The directory relative to the base: one name, or those of the namespace and the key. Nil if a name is too long, or the path is invalid.
    ///
    /// Plain names are used as they are, as in Plane 0.5. Other names are percent-encoded byte by byte (RFC 3986 §2.1). A namespace ends in `@`, which no
    /// encoded name contains; an empty name is a single `%`. A path is encoded as a whole, so its directory is not inside of another one.
    package var directories: [String]? {
        let names: [String]
        switch self {
        case .key("", let name): names = [Self.encoded(name)]
        case .key(let namespace, let name): names = [Self.encoded(namespace) + "@", Self.encoded(name)]
        case .path(let path):
            guard path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy({ Self.isPlain($0.utf8) }) else { return nil }
            names = [Self.encoded(path)]
        }
        return names.allSatisfy { $0.utf8.count <= Self.longestName } ? names : nil
    }

    private static func isPlain(_ name: some Sequence<UInt8>) -> Bool {
        var isFirst = true
        for byte in name {
            guard self.isUnreserved(byte), !(isFirst && byte == UInt8(ascii: ".")) else { return false }
            isFirst = false
        }
        return !isFirst
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }

    private static func encoded(_ name: String) -> String {
        guard !name.isEmpty else { return "%" }
        var text: [UInt8] = []
        for byte in name.utf8 {
            if self.isUnreserved(byte), !(text.isEmpty && byte == UInt8(ascii: ".")) {
                text.append(byte)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%\(digits.utf8.count == 1 ? "0" : "")\(digits)".utf8
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension DataMount: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        let (path, key): (String?, String?) = (try json.optional("path"), try json.optional("key"))
        switch (path, key) {
        case (let path?, nil): self = .path(path)
        case (nil, let key?): self = .key(namespace: try json.optional("namespace") ?? "", name: key)
        case (nil, nil), (.some, .some): throw MessageError(expected: "either key or path", found: path == nil ? "none of them" : "both")
        }
        guard self.directories != nil else {
            throw MessageError(
                expected: "a key or path whose encoded name has at most \(Self.longestName) bytes; a path of names of letters, digits, _, - and inner .",
                found: "another one")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .key(let namespace, let name):
                $0.fieldIfPresent("namespace", namespace.isEmpty ? nil : namespace)
                $0.field("key", name)
            case .path(let path):
                $0.field("path", path)
            }
        }
    }
}
