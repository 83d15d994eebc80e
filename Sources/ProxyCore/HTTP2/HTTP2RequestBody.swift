/// The body of a request that came by HTTP/2, on its way into HTTP/1.1. There its length is what the head says, or the sum of its chunks;
/// a stream that ends elsewhere would begin another request in the middle of this one, or leave the backend waiting.
struct HTTP2RequestBody: Equatable {
    /// Bytes still to come; nil when the end of the stream alone tells, and the backend is told by chunks.
    private(set) var remaining: UInt64?

    /// - Parameter length: What the field `content-length` says.
    init(length: UInt64?) {
        self.remaining = length
    }

    var isChunked: Bool { self.remaining == nil }

    mutating func take(_ count: Int) throws(HTTPViolation) {
        guard let remaining else { return }
        guard count <= remaining else { throw .bodyContradictsLength }
        self.remaining = remaining - UInt64(count)
    }

    func end() throws(HTTPViolation) {
        if let remaining, remaining > 0 { throw .bodyContradictsLength }
    }
}
