import Foundation
import PlaneProtocol
import Testing

@testable import StateReplication

@Suite("Purge notices") struct PurgeNoticeTests {
    static func advisory(_ request: String, stream: String = "plane_state", response: String = #"{"success":true,"purged":1}"#) -> [UInt8] {
        func quoted(_ text: String) -> String { text.replacing("\"", with: "\\\"") }
        return Array(
            #"{"type":"io.nats.jetstream.advisory.v1.api_audit","subject":"$JS.API.STREAM.PURGE.\#(stream)","#.utf8)
            + Array(#""request":"\#(quoted(request))","response":"\#(quoted(response))"}"#.utf8)
    }

    @Test("W13: a purged backend and a purged stream are noticed")
    func noticed() {
        let backend = PurgeNotice(advisory: Self.advisory(#"{"filter":"state.cluster.plane_test.backend.backend-1.>"}"#))
        #expect(backend == .backend(BackendID(rawValue: "backend-1")!, clusterToken: "plane_test"))
        for request in ["", "{}", #"{"filter":"state.>"}"#] {
            #expect(PurgeNotice(advisory: Self.advisory(request)) == .everything)
        }
    }

    @Test("a message deleted by its place is noticed, if it was there")
    func deleted() {
        func advisory(_ request: String, stream: String = "plane_state", response: String = #"{"success":true}"#) -> [UInt8] {
            let text = String(decoding: Self.advisory(request, stream: stream, response: response), as: UTF8.self)
            return Array(text.replacing("STREAM.PURGE", with: "STREAM.MSG.DELETE").utf8)
        }
        #expect(PurgeNotice(advisory: advisory(#"{"seq":17,"no_erase":true}"#)) == .message(17))
        #expect(PurgeNotice(advisory: advisory(#"{"seq":17}"#, response: #"{"error":{"code":400,"err_code":10043}}"#)) == nil)
        #expect(PurgeNotice(advisory: advisory(#"{"seq":17}"#, stream: "other")) == nil)
        #expect(PurgeNotice(advisory: advisory("{}")) == nil)
    }

    @Test(
        "nothing else is",
        arguments: [
            advisory("{}", stream: "other"), advisory("{}", response: #"{"error":{"code":404}}"#), advisory(#"{"keep":1}"#),
            advisory(#"{"filter":"state.cluster.plane_test.lock.1.*","seq":9}"#), advisory(#"{"filter":"state.cluster.plane_test.drone.d.>"}"#),
            Array("{}".utf8), Array("not json".utf8),
        ])
    func ignored(advisory: [UInt8]) {
        #expect(PurgeNotice(advisory: advisory) == nil)
    }
}
