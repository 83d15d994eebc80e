/// Why a message could not be read: where, what was expected, and what was found.
///
/// The description is for the person who sent the message (`executable.image: expected a string, found a number`). It names kinds and ids, but never the
/// content of a value that may be secret.
package struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One step on the way from the message to a value inside of it.
    package enum Step: Hashable, Sendable {
        case key(String)
        case index(Int)
    }

    /// The way to the value from the outside in; empty for the message as a whole.
    package private(set) var path: [Step]
    package let expected: String
    package let found: String
    package let code: ErrorReply.Code

    package init(path: [Step] = [], expected: String, found: String, code: ErrorReply.Code = .badRequest) {
        self.path = path
        self.expected = expected
        self.found = found
        self.code = code
    }

    /// The same error, with the name of the value in its container added.
    func inside(_ step: Step) -> MessageError {
        var error = self
        error.path.insert(step, at: 0)
        return error
    }

    package var description: String {
        let place = self.path.isEmpty ? "" : "\(self.pathDescription): "
        return "\(place)expected \(self.expected), found \(self.found)"
    }

    /// The way as text, as in `executable.volume_mounts[2]`.
    package var pathDescription: String {
        self.path.reduce(into: "") { text, step in
            switch step {
            case .key(let key): text += (text.isEmpty ? "" : ".") + key.prefix(Self.excerptLength)
            case .index(let index): text += "[\(index)]"
            }
        }
    }

    /// The reply to the sender.
    package var reply: ErrorReply { ErrorReply(code: self.code, message: self.description) }

    /// How many characters of text from outside an error shows, so that nobody can fill the logs.
    private static let excerptLength = 80

    /// Text from outside in a form that is safe to show: in quotes, without control characters, shortened.
    static func excerpt(_ text: String) -> String { "\"\(self.visible(text, atMost: self.excerptLength))\"" }

    /// At most `length` characters of a text from outside, without control characters and without quotes; "…" shows that it was cut.
    static func visible(_ text: String, atMost length: Int) -> String {
        let cut = text.unicodeScalars.prefix(length)
        let visible = String(String.UnicodeScalarView(cut.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
        return "\(visible)\(cut.endIndex == text.unicodeScalars.endIndex ? "" : "…")"
    }
}
