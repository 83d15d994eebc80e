import PlaneProtocol

extension Console {
    /// Writes one JSON document on one line.
    func json(_ value: some JSONEncodable) {
        self.line(String(decoding: WireCodec.encode(value), as: UTF8.self))
    }
}
