/// How a container ended.
package struct ContainerExit: Hashable, Sendable, Decodable {
    /// Status of its first process, 128 + n when signal n killed it. Any 64-bit number is tolerated.
    package var code: Int64

    private enum CodingKeys: String, CodingKey {
        case code = "StatusCode"
    }
}
