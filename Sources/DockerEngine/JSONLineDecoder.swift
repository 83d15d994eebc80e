import FoundationEssentials
package import NIOCore

/// Decodes a stream of JSON documents, each on a line of its own, which may end in `\r\n`.
package struct JSONLineDecoder<Element: Decodable & Sendable>: StreamDecoder {
    /// The longest document in bytes. An event contains the labels of its container, including those of its image.
    static var lineLimit: Int { 1024 * 1024 }

    /// The beginning of a line that is not complete.
    private var unfinished: [UInt8] = []
    /// Whether longer documents are skipped; otherwise they are an error. The image of one container must not prevent events of others from being read.
    private let skipsLongLines: Bool
    private var isSkipping = false

    package init(skipsLongLines: Bool = false) {
        self.skipsLongLines = skipsLongLines
    }

    package mutating func feed(_ bytes: ByteBuffer) throws(StreamError) -> [Element] {
        var elements: [Element] = []
        var rest = bytes.readableBytesView[...]
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try self.append(rest[..<newline])
            if let element = try self.takeLine() { elements.append(element) }
            rest = rest[(newline + 1)...]
        }
        try self.append(rest)
        return elements
    }

    /// A last line without a line end counts if it is a complete document.
    package mutating func finish() throws(StreamError) -> [Element] {
        try self.takeLine().map { [$0] } ?? []
    }

    private mutating func append(_ bytes: ByteBufferView.SubSequence) throws(StreamError) {
        guard !self.isSkipping else { return }
        guard self.unfinished.count + bytes.count <= Self.lineLimit else {
            guard self.skipsLongLines else { throw .tooLarge(limitBytes: Self.lineLimit) }
            self.isSkipping = true
            self.unfinished = []
            return
        }
        self.unfinished += bytes
    }

    private mutating func takeLine() throws(StreamError) -> Element? {
        defer {
            self.unfinished.removeAll(keepingCapacity: true)
            self.isSkipping = false
        }
        guard self.unfinished.contains(where: { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: " ") }) else { return nil }
        do {
            return try JSONDecoder().decode(Element.self, from: Data(self.unfinished))
        } catch {
            throw .malformed("\(error)")
        }
    }
}
