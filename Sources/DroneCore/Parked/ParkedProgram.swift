/// The first program of a parked container, which waits for arguments and environment and becomes the image's own (dev/parked-entry/entry.c).
///
/// It is written into the container before that is started, and takes its file away when it goes on, where the image's user may do so. So nothing is
/// mounted that a container made at once would not have, and the agent needs no folder that Docker sees too.
enum ParkedProgram {
    /// In the container.
    static let path = "/.plane-entry"
    /// Another number where containers that wait with an older program are not to be used.
    static let version = 1

    /// - Parameter architecture: As the kernel calls it.
    /// - Returns: Nil for one for which there is none.
    static func executable(for architecture: String) -> [UInt8]? {
        switch architecture {
        case "x86_64", "amd64": self.bytes(self.x86_64)
        case "aarch64", "arm64": self.bytes(self.aarch64)
        default: nil
        }
    }

    private static func bytes(_ digits: String) -> [UInt8] {
        let nibbles = digits.utf8.compactMap { UInt8(Character(Unicode.Scalar($0)).hexDigitValue ?? 0) }
        return stride(from: 0, to: nibbles.count - 1, by: 2).map { nibbles[$0] << 4 | nibbles[$0 + 1] }
    }
}
