import Testing

@testable import PlaneProtocol

@Suite struct DroneStartsTests {
    private func decode(_ json: String) throws -> DroneStarts { try WireCodec.decode(DroneStarts.self, from: Array(json.utf8)) }

    @Test("what is too much for a message is left out, the last images first")
    func writing() {
        var starts = DroneStarts(images: (0..<100).map { .init(name: "image-\($0)") })
        #expect(starts.withinLimits.images == Array(starts.images.prefix(DroneStarts.imageLimit)))
        starts.images = (0..<40).map { .init(name: "image-\($0)/" + String(repeating: "a", count: 300), digest: "sha256:" + String(repeating: "b", count: 64)) }
        let bytes = starts.withinLimits.images.reduce(0) { $0 + $1.name.utf8.count + ($1.digest?.utf8.count ?? 0) }
        #expect((7500...DroneStarts.byteLimit).contains(bytes))
        starts.images.insert(.init(name: String(repeating: "a", count: 513)), at: 0)
        #expect(starts.withinLimits.images.first?.name.hasPrefix("image-0/") == true)
    }

    @Test("what a stranger says beyond the limits is passed over")
    func reading() throws {
        let many = (0..<1000).map { #"{"image":"i\#($0)"}"# }.joined(separator: ",")
        #expect(try self.decode(#"{"images":[\#(many)]}"#).images.count == DroneStarts.imageLimit)
        let long = String(repeating: "a", count: 513)
        #expect(try self.decode(#"{"images":[{"image":"\#(long)"},{"image":"b","parked":null}],"ready_in_ms":null}"#).images.map(\.name) == ["b"])
        #expect(try self.decode("{}") == DroneStarts())
        let error = try #require(throws: MessageError.self) { try self.decode(#"{"images":[{"image":"b","parked":-1}]}"#) }
        #expect("\(error)".contains("parked"))
    }

    @Test("what cannot be read of it silences no drone", arguments: ["7", #"{"images":[{"parked":1}]}"#, #"{"ready_in_ms":-1}"#])
    func unreadable(starts: String) throws {
        let status = #"{"drone_id":"a","cluster":"plane.test","drone_version":"1","state":"Draining","running_backends":3,"starts":\#(starts)}"#
        let message = try WireCodec.decode(DroneStatusMessage.self, from: Array(status.utf8))
        #expect(message.state == .draining && message.runningBackends == 3 && message.starts == nil)
    }
}
